import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';

interface Locked {
	readonly version: string;
	readonly os: string | string[];
	readonly bin?: Readonly<Record<string, string>>;
	readonly libc?: readonly string[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const names = Object.keys(read('package.json').optionalDependencies);
const locked: Readonly<Record<string, Locked>> = read('package-lock.json').packages;

describe('the Node that npm brings along', (it) => {
	for (const name of names) {
		const entry = locked[`node_modules/${name}`] as Locked;

		it(`${name} is of the version of the others`, () => assert.is(entry.version, locked[`node_modules/${names[0]}`]?.version));

		it(`${name} has a bin in the lock, without which npm ci links none`, () => {
			assert.equal(entry.bin, { node: [entry.os].flat()[0] === 'win32' ? 'bin/node.exe' : 'bin/node' });
		});

		it(`${name} is not for musl, where a Node that cannot start would hide the one of the system`, () => {
			if ([entry.os].flat()[0] === 'linux') assert.equal(entry.libc, ['glibc']);
		});
	}
});
