import type { ContextBlock, HeaderBlock, MrkdwnElement, SectionBlock } from '@slack/types';
import { plain } from './escape.ts';

export type Block = HeaderBlock | SectionBlock | ContextBlock;

export interface SlackMessage {
	/** What notifications show, and clients that know no blocks. Mrkdwn. */
	readonly text: string;
	readonly blocks: readonly Block[];
	/** No previews of links. */
	readonly unfurl_links: false;
	readonly unfurl_media: false;
}

/** Slack's limits, in UTF-16 units, which are never fewer than the characters that it counts. */
export const LIMITS = { header: 150, section: 3_000, texts: 10_000 };

/** `verbatim`: nothing becomes a link or a mention that is not written as one. Whatever stands in `text` has been escaped. */
const mrkdwn = (text: string): MrkdwnElement => ({ type: 'mrkdwn', text, verbatim: true });

export const header = (text: string): HeaderBlock => ({
	type: 'header',
	text: { type: 'plain_text', text: plain(text, LIMITS.header), emoji: false },
});
export const section = (text: string): SectionBlock => ({ type: 'section', text: mrkdwn(text) });
export const fields = (texts: readonly string[]): SectionBlock => ({ type: 'section', fields: texts.map(mrkdwn) });
export const context = (texts: readonly string[]): ContextBlock => ({ type: 'context', elements: texts.map(mrkdwn) });

/** Of all texts in blocks. */
export function lengthOf(blocks: readonly Block[]): number {
	const texts = blocks.flatMap((block) => {
		if (block.type === 'header') return [block.text.text];
		if (block.type === 'section') return [block.text, ...(block.fields ?? [])].map((text) => text?.text ?? '');
		return block.elements.map((element) => ('text' in element ? element.text : ''));
	});
	return texts.reduce((length, text) => length + text.length, 0);
}

/**
 * Lines as sections, as many as there is room for, and `more` with the number of those that there is none for.
 * `room`: in UTF-16 units, for all of it. No line is longer than a section.
 */
export function lineSections(lines: readonly string[], { room, more }: { room: number; more: (count: number) => string }): SectionBlock[] {
	const texts: string[] = [];
	// What the last line may need is kept free.
	let left = room - more(lines.length).length - 1;
	let count = 0;
	for (const line of lines) {
		if (line.length + 1 > left) break;
		left -= line.length + 1;
		count++;
		append(texts, line);
	}
	const rest = more(lines.length - count);
	if (rest !== '') append(texts, rest);
	return texts.map(section);
}

function append(texts: string[], line: string): void {
	const last = texts.at(-1);
	if (last === undefined || last.length + 1 + line.length > LIMITS.section) texts.push(line);
	else texts[texts.length - 1] = `${last}\n${line}`;
}

/** A message whose fallback and blocks are within the limits. */
export const toMessage = (text: string, blocks: readonly Block[]): SlackMessage => ({
	text,
	blocks,
	unfurl_links: false,
	unfurl_media: false,
});
