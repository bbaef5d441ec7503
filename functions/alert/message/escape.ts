/**
 * Text from outside as it may stand in a message: every name, clause and sentence goes through one of these, so that nothing that a log or
 * a manifest says can ping, link, format, or end what it stands in.
 */

/** Controls, marks that reorder text or hide in it, halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** Invisible, and of no width: it stands where a word of Slack's own must not begin. */
const JOINER = '\u2060';

/** One line, in which what would do anything but show is spelled as `\u{1b}`. */
export const clean = (text: string): string => text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** `clean` of what can be shown of it at all: nothing that is cleaned becomes shorter. */
const cleanStart = (text: string, length: number): string => clean(text.length > length ? text.slice(0, length + 1) : text);

/** At most that many UTF-16 units, cut between characters, with an ellipsis where it was cut. */
export function cut(text: string, length: number): string {
	if (text.length <= length) return text;
	const kept = text.slice(0, Math.max(0, length - 1));
	return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Only these three: Slack knows no other entity. */
const entities = (text: string): string => text.replace(/[&<>]/g, (sign) => ENTITIES[sign] ?? sign);

/** As `entities` of what fits: never more than `length` units, never half an entity. */
function cutEntities(text: string, length: number): string {
	const whole = entities(text);
	if (whole.length <= length) return whole;
	let fitting = '';
	for (const character of text) {
		const next = entities(character);
		if (fitting.length + next.length > length - 1) break;
		fitting += next;
	}
	return `${fitting}…`;
}

/** `@here`, `:100:` (also in an IPv6 address) and `http://` are words of Slack's own. */
const disarm = (text: string): string =>
	text
		.replace(/[@#](?=\S)/g, (sign) => `${sign}${JOINER}`)
		.replace(/:(?=[\w+'-]+:)/g, `:${JOINER}`)
		.replace(/:(?=\/\/)/g, `:${JOINER}`);

/** Of mrkdwn, in a sentence. Backticks and asterisks of ours may stand around it, so that its own do not pair with them. */
export const prose = (text: string, length: number): string =>
	cutEntities(disarm(cleanStart(text, length).replaceAll('`', 'ˋ').replaceAll('*', '∗')), length);

/** Of mrkdwn, as a name: in backticks, where Slack formats nothing. Never empty. */
export const code = (text: string, length: number): string =>
	`\`${
		cutEntities(
			cleanStart(text, length)
				.replaceAll('`', 'ˋ')
				.replace(/@(?=\S)/g, `@${JOINER}`),
			length - 2,
		) || '–'
	}\``;

/** A sentence of ours, as mrkdwn has it: what stands in backticks there is code here too. Of any length. */
export const ownProse = (text: string): string =>
	text
		.split('`')
		.map((part, index) => (index % 2 === 1 ? code : prose)(part, Number.POSITIVE_INFINITY))
		.join('');

/**
 * Of mrkdwn, as a block of code, or undefined where it is longer: code that is cut does something else. Its lines are ours: names in it
 * are written as the language of the code wants them, without backticks in a row.
 */
export function fence(text: string, length: number): string | undefined {
	const block = `\`\`\`\n${entities(text)}\n\`\`\``;
	return block.length > length || text.includes('```') ? undefined : block;
}

/** Of mrkdwn: a link. The text is one of ours. */
export const link = (url: string, text: string): string => `<${entities(url.replace(/[<>|\s]/g, encodeURIComponent))}|${text}>`;

const LOOKALIKES: Readonly<Record<string, string>> = { '<': '‹', '>': '›', '&': '＆', '`': 'ˋ' };

/** Of plain text, as a header has it: Slack formats nothing there, and what it would escape or parse is not even in it. Never empty. */
export const plain = (text: string, length: number): string =>
	cut(
		disarm(clean(text)).replace(/[<>&`]/g, (sign) => LOOKALIKES[sign] ?? sign),
		length,
	) || '–';

/** A GoogleSQL string literal of ASCII, in which nothing needs an entity or ends a block of code. */
export const sqlText = (text: string): string => `'${escapeAscii(text, /[^ -~]|[\\'"`<>&@]/gu)}'`;

/** `\u0041`, `\U0001f600`: GoogleSQL's spelling, and that of bash's and zsh's `$'…'`. */
const escapeAscii = (text: string, unsafe: RegExp): string =>
	text.toWellFormed().replace(unsafe, (character) => {
		const digits = (character.codePointAt(0) as number).toString(16);
		return digits.length > 4 ? `\\U${digits.padStart(8, '0')}` : `\\u${digits.padStart(4, '0')}`;
	});

/** A word of a shell's command. */
export const shellText = (text: string): string =>
	/^[\w./:%|=+, -]*$/.test(text) ? `'${text}'` : `$'${escapeAscii(text, /[^ -~]|[\\'"`<>&@!]/gu)}'`;

/** A string of the Logging query language: in double quotes, a backslash before a quote or a backslash. */
export const logText = (text: string): string => `"${clean(text).replace(/["\\]/g, '\\$&')}"`;
