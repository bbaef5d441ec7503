/** Texts of a message as a person reads them: without entities, one block after another. */
import type { SlackMessage } from '../../../functions/alert/message/blocks.ts';

const withoutEntities = (text: string): string => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
/** A link is its text; where it leads stands in the JSON. */
const readableText = (text: string): string => withoutEntities(text.replaceAll(/<(https?:[^|>]+)\|([^>]+)>/g, '[$2]'));

/** The fallback, then each block: `#` a header, `|` a field, `~` a context. */
export function readable({ text, blocks }: SlackMessage): string {
	const lines = blocks.map((block) => {
		if (block.type === 'header') return `# ${block.text.text}`;
		if (block.type === 'context')
			return block.elements.map((element) => `~ ${'text' in element ? readableText(element.text) : ''}`).join('\n');
		const fields = (block.fields ?? []).map((field) => `| ${readableText(field.text).replace('\n', ' ')}`);
		return [...(block.text ? [readableText(block.text.text)] : []), ...fields].join('\n');
	});
	return `${readableText(text)}\n\n${lines.join('\n\n')}\n`;
}
