/** Texts that a name, a clause or an error may be, if somebody wants it so. */
export const HOSTILE: readonly string[] = [
	`it's "quoted" \`so\` and '' so`,
	`'; DROP TABLE alerts_v1; --`,
	`') OR TRUE OR group_id IN ('`,
	'back\\slash \\n \\u0041 \\" \\',
	'line\nbreak\r\n\ttab',
	'line\u2028and\u2029paragraph',
	'\u{1f600} 漢字 é e\u0301 \u202eright to left\u202c',
	'@run $rows ? :name %s {{projectId}} ${dataset}.verdicts /* -- #',
	'{"text":"json"}',
	'[1,null]',
	'null',
	' leading and trailing ',
	'a|b%7Cc%25',
	'\u0001\u001f\u007f',
	`very long ${'x'.repeat(20_000)}`,
];
