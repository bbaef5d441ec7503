/**
 * What Slack refuses of a message, as its documentation and types say it: an opinion of its own, which reads nothing of functions/alert.
 * Lengths are UTF-16 code units, which are never fewer than the characters that Slack counts.
 */

const LIMITS = {
	blocks: 50,
	header: 150,
	section: 3_000,
	fields: 10,
	field: 2_000,
	elements: 10,
	element: 3_000,
	link: 3_000,
	fallback: 4_000,
};
/** Of all texts together: the fallback and those of the blocks, with their markup, entities counted as they are written. */
const ALL_TEXTS = 10_000;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with the body of a message, a sentence each; empty where Slack takes it. */
export function findProblems(body: unknown): string[] {
	if (!isObject(body)) return ['the body is no object'];
	const found: string[] = [];
	const say = (where: string, what: string) => found.push(`${where}: ${what}`);
	const { text, blocks } = body;
	if (text === undefined && blocks === undefined) say('body', 'neither text nor blocks');
	if (text !== undefined) checkMarkup(text, LIMITS.fallback, (what) => say('text', what));
	if (blocks !== undefined) {
		if (!Array.isArray(blocks)) say('blocks', 'no list');
		else {
			if (blocks.length === 0) say('blocks', 'none');
			if (blocks.length > LIMITS.blocks) say('blocks', `${blocks.length} are more than ${LIMITS.blocks}`);
			for (const [index, block] of blocks.entries()) checkBlock(block, (what) => say(`blocks[${index}]`, what));
		}
	}
	const length = lengthOfTexts(body);
	if (length > ALL_TEXTS) say('body', `texts of ${length} characters are more than ${ALL_TEXTS}`);
	return found;
}

/** Of the fallback and of all texts in blocks, in UTF-16 code units. */
export function lengthOfTexts(body: unknown): number {
	if (typeof body === 'string' || typeof body !== 'object' || body === null) return 0;
	return Object.entries(body).reduce(
		(length, [key, value]) => length + (key === 'text' && typeof value === 'string' ? value.length : lengthOfTexts(value)),
		0,
	);
}

type Say = (what: string) => void;

const KEYS: Readonly<Record<string, readonly string[]>> = {
	header: ['text', 'block_id'],
	section: ['text', 'fields', 'expand', 'block_id'],
	context: ['elements', 'block_id'],
	divider: ['block_id'],
};

function checkBlock(block: unknown, say: Say): void {
	const { type, ...rest } = isObject(block) ? block : {};
	const keys = typeof type === 'string' && Object.hasOwn(KEYS, type) ? KEYS[type] : undefined;
	if (!keys || !isObject(block)) {
		say(`unknown type ${JSON.stringify(type)}`);
		return;
	}
	for (const key of Object.keys(rest)) if (!keys.includes(key)) say(`a ${type} has no ${key}`);
	if (type === 'header') checkText(block['text'], { types: ['plain_text'], length: LIMITS.header }, (what) => say(`text: ${what}`));
	if (type === 'section') checkSection(block, say);
	if (type === 'context') checkTexts(block['elements'], { name: 'elements', count: LIMITS.elements, length: LIMITS.element }, say);
}

function checkSection({ text, fields }: Json, say: Say): void {
	if (text === undefined && fields === undefined) say('neither text nor fields');
	if (text !== undefined) checkText(text, { types: TEXT_TYPES, length: LIMITS.section }, (what) => say(`text: ${what}`));
	if (fields !== undefined) checkTexts(fields, { name: 'fields', count: LIMITS.fields, length: LIMITS.field }, say);
}

function checkTexts(texts: unknown, { name, count, length }: { name: string; count: number; length: number }, say: Say): void {
	if (!Array.isArray(texts) || texts.length === 0) {
		say(`no ${name}`);
		return;
	}
	if (texts.length > count) say(`${texts.length} ${name} are more than ${count}`);
	for (const [index, text] of texts.entries()) checkText(text, { types: TEXT_TYPES, length }, (what) => say(`${name}[${index}]: ${what}`));
}

const TEXT_TYPES = ['plain_text', 'mrkdwn'];

function checkText(object: unknown, { types, length }: { types: readonly string[]; length: number }, say: Say): void {
	const { type, text, ...rest } = isObject(object) ? object : {};
	if (typeof type !== 'string' || !types.includes(type)) {
		say(`type ${JSON.stringify(type)} is none of ${types.join(', ')}`);
		return;
	}
	const keys = type === 'mrkdwn' ? ['verbatim'] : ['emoji'];
	for (const key of Object.keys(rest)) if (!keys.includes(key)) say(`a ${type} has no ${key}`);
	if (type === 'mrkdwn') checkMarkup(text, length, say);
	else checkPlain(text, length, say);
}

function checkPlain(text: unknown, length: number, say: Say): text is string {
	if (typeof text !== 'string') say('no text');
	else if (text.trim() === '') say('empty');
	else if (text.length > length) say(`${text.length} characters are more than ${length}`);
	else if (!text.isWellFormed()) say('half a character (a lone surrogate)');
	else return true;
	return false;
}

/** A link is `<url|text>`; nothing else begins with `<`, so nothing mentions a person, a channel or everybody. */
const LINK = /<(https?:\/\/[^\s<>|]+)\|([^<>|\n]+)>/g;
const ENTITY = /&(?:amp|lt|gt);/g;

function checkMarkup(text: unknown, length: number, say: Say): void {
	if (!checkPlain(text, length, say)) return;
	for (const [, url = ''] of text.matchAll(LINK)) {
		const plain = url.replaceAll('&amp;', '&');
		if (plain.length > LIMITS.link) say(`a link of ${plain.length} characters is longer than ${LIMITS.link}`);
		if (!URL.canParse(plain)) say(`a link that is none: ${plain.slice(0, 100)}`);
	}
	// What is left of a link still has its entities, in its address as in its text.
	const bare = text.replaceAll(LINK, '$1 $2').replaceAll(ENTITY, '');
	const [sign] = /[<>&]/.exec(bare) ?? [];
	if (sign !== undefined)
		say(`unescaped ${sign}: ${JSON.stringify(bare.slice(Math.max(0, bare.indexOf(sign) - 20), bare.indexOf(sign) + 40))}`);
	// A fence that is not closed takes the rest of the message with it.
	if ((text.split('```').length - 1) % 2 !== 0) say('a code block that does not end');
}
