import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { CONSTRUCTS, type Construct } from '../functions/policy/constructs.ts';
import { describe } from './describe.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
/** With a capital, unless it begins with a field's own name. */
const sentence = (text: string): string => (/^[a-z]+[A-Z]/.test(text) ? `${text}.` : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);

/** The page of the catalogue, made from the catalogue. */
function constructsPage(): string {
	const entries: readonly [string, Construct][] = Object.entries(CONSTRUCTS);
	const sections = entries.map(([id, { title, explanation, suggestion, severity, sure, links }]) =>
		[
			`## ${id}`,
			`**${sentence(title).slice(0, -1)}.** ${sentence(explanation)}`,
			`Instead: ${suggestion}.`,
			`Severity ${severity}; the difference is ${sure}. Read more: ${links.map((link, index) => `[${index + 1}](${link})`).join(', ')}.`,
		].join('\n\n'),
	);
	const head = [
		'# Constructs',
		'What loses or changes its meaning when a cluster moves from Calico to Dataplane V2. The ids are those of the column `constructs`, of the evidence and of every message. This page is made from `functions/policy/constructs.ts`: `UPDATE=1 npm test -- docs` writes it anew.',
	];
	return `${[...head, ...sections].join('\n\n')}\n`;
}

describe('the documentation', (it) => {
	it('has every construct of the catalogue, in its words', () => {
		if (process.env['UPDATE'] === '1') writeFileSync(new URL('../docs/constructs.md', import.meta.url), constructsPage());
		assert.is(read('docs/constructs.md'), constructsPage(), 'UPDATE=1 npm test -- docs writes it anew');
	});

	it('names scripts and files that exist', () => {
		const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
		const readme = read('README.md');
		for (const [, name] of readme.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)) assert.ok(scripts.includes(name ?? ''), `npm run ${name}`);
		for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(read(path ?? '').length > 0, path);
	});
});
