/** C0 and C1 controls, which a terminal obeys; marks that reorder text or hide in it; halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text from outside as it may go to a terminal: one line, every character that would do anything but show spelled as `\u{1b}`. */
export const printable = (text: string): string =>
	text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
