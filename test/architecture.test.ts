import { globSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { findImports, findViolations } from './architecture.ts';
import { describe } from './describe.ts';

/** Paths (with slashes) and texts of the files below a folder of the project. */
function readAll(folder: string, pattern: string): [path: string, text: string][] {
	const cwd = fileURLToPath(new URL(`../${folder}/`, import.meta.url));
	return globSync(pattern, { cwd }).map((path) => [path.replaceAll(sep, '/'), readFileSync(cwd + path, 'utf8')]);
}

describe('architecture', (it) => {
	it('holds in functions/', () => {
		const files = readAll('functions', '**/*.ts');
		assert.ok(files.length > 20, `only ${files.length} files found`);
		assert.equal(
			files.flatMap(([path, text]) => findViolations(path, text)),
			[],
		);
	});

	it('lets no test file define a suite that uvu would pass over', () => {
		// uvu counts a suite without `.run()` as zero tests; describe.ts runs each that it defines.
		const others = readAll('test', '**/*.test.ts').filter(([, text]) => {
			const imports = findImports(text);
			return !imports.some((name) => name.endsWith('/describe.ts')) || (imports.includes('uvu') && !text.includes('import type'));
		});
		assert.equal(
			others.map(([path]) => path),
			[],
		);
	});
});

const BAD: readonly [path: string, source: string, complaint: string][] = [
	['policy/a.ts', `import { readFile } from 'node:fs/promises';`, 'must not import node:fs/promises'],
	['policy/a.ts', `import ipaddr from 'ipaddr.js';`, 'must not import ipaddr.js'],
	['policy/ip.ts', `import { parse } from 'yaml';`, 'must not import yaml'],
	['policy/a.ts', `import type { Row } from '../ports.ts';`, 'policy must not import ports.ts'],
	['policy/change/a.ts', `export * from '../../ingest/row.ts';`, 'policy must not import ingest'],
	['policy/a.ts', 'const now = Date.now();', 'Date.now'],
	['policy/a.ts', 'const now = new Date();', 'new Date()'],
	['policy/a.ts', 'const text = `at ${new Date()}`;', 'new Date()'],
	['policy/a.ts', `console.log('x');`, 'console.'],
	['policy/a.ts', `if (process.env['X']) f();`, 'process.'],
	['policy/a.ts', 'const n = Math.random();', 'Math.random'],
	['policy/index.ts', '', 'a name that says nothing'],
	['ingest/utils.ts', '', 'a name that says nothing'],
	['commands/helpers/table.ts', '', 'a name that says nothing'],
	['ports.ts', `import type { Handler } from './ingest/ingest.ts';`, 'ports.ts must not import ingest'],
	['ingest/a.ts', `import {\n\tBigQuery,\n} from "@google-cloud/bigquery";`, 'only adapters import an SDK'],
	['snapshot/a.ts', `const { Storage } = await import('@google-cloud/storage');`, 'only adapters import an SDK'],
	['commands/a.ts', `import { DuckDBInstance } from '@duckdb/node-api';`, 'only adapters import an SDK'],
	['main/ingest.ts', `import { PubSub } from '@google-cloud/pubsub';`, 'only adapters import an SDK'],
	['alert/a.ts', `type Client = import('@kubernetes/client-node').KubeConfig;`, 'only adapters import an SDK'],
	['ingest/a.ts', `import { openDuckdb } from '../adapters/duckdb.ts';`, 'ingest must not import adapters'],
	['adapters/a.ts', `import { toRow } from '../ingest/row.ts';`, 'adapters must not import ingest'],
	['adapters/a.ts', `import '../cli.ts';`, 'adapters must not import cli.ts'],
	['ingest/a.ts', `const name = 'x';\nawait import(name);`, 'computed name'],
	['ingest/a.ts', 'await import(`../${name}.ts`);', 'computed name'],
	['cli.ts', `import { describe } from '../test/describe.ts';`, 'outside functions/'],
	['cli.ts', `import manifest from '../package.json' with { type: 'json' };`, 'outside functions/'],
	['cli.ts', 'export default function run() {}', 'default export'],
	['cli.ts', 'export { run as default };', 'default export'],
	['shared/a.ts', '', 'shared has no place'],
];

const GOOD: readonly [path: string, source: string][] = [
	['policy/ip.ts', `import ipaddr from 'ipaddr.js';\nexport { contains } from './model.ts';`],
	['policy/a.ts', `// Date.now() and import 'node:fs' are forbidden here\nconst text = 'process.env';\nconst day = new Date(0);`],
	['adapters/bigquery.ts', `import { BigQuery } from '@google-cloud/bigquery';\nimport type { Row } from '../ports.ts';`],
	['commands/replay.ts', `import { openDuckdb } from '../adapters/duckdb.ts';\nimport { toRow } from '../ingest/row.ts';`],
	['main/ingest.ts', `import { http } from '@google-cloud/functions-framework';\nimport '../config.ts';`],
	['commands/server.ts', `import { getTestServer } from '@google-cloud/functions-framework/testing';`],
	['version.ts', `import manifest from '../package.json' with { type: 'json' };`],
];

describe('the check of the architecture', (it) => {
	for (const [path, source, complaint] of BAD) {
		it(`refuses ${path}: ${source.replaceAll(/\s+/g, ' ')}`, () => {
			const found = findViolations(path, source);
			assert.is(found.length, 1, found.join('\n'));
			assert.match(found[0] as string, complaint);
		});
	}

	for (const [path, source] of GOOD) {
		it(`accepts ${path}: ${source.replaceAll(/\s+/g, ' ')}`, () => assert.equal(findViolations(path, source), []));
	}

	it('finds every form of import', () => {
		const code = `import a from 'a'; import 'b';\nimport{c}from"c";\nexport * as d from 'd';\nimport type { E,\n F } from 'e';
			const f = await import('f'), g = require("g");\nexport const from = 'no'; x.import('no'); Array.from('no');\nexport type { H } from 'h'`;
		assert.equal(findImports(code), ['a', 'b', 'c', 'd', 'e', 'h', 'f', 'g']);
	});
});
