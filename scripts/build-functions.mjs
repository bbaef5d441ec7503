/**
 * Builds what is deployed: one folder a function, `build/functions/<name>/`, with its bundle, one more for each client of Google's that it
 * loads when it is needed, source maps, a package.json and a lock that install the functions framework alone, and the licences of what is in
 * the bundles. The framework stays outside: it keeps its registry in its module, and a second copy of it would not find the function.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const FRAMEWORK = '@google-cloud/functions-framework';
/** By entry point. */
const FUNCTIONS = {
	ingest: 'functions/main/ingest.ts',
	snapshot: 'functions/main/snapshot.ts',
	rejudge: 'functions/main/rejudge.ts',
	alert: 'functions/main/alert.ts',
};

const readJson = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));
const lock = readJson('package-lock.json').packages;
const { version, license } = readJson('package.json');

for (const [name, entry] of Object.entries(FUNCTIONS)) {
	const folder = join(root, 'build', 'functions', name);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const clients = new Set();
	const bundles = [await bundle(entry, { outfile: join(folder, 'index.js'), plugins: [apart(clients)] })];
	for (const client of clients) bundles.push(await bundle(client, { outfile: join(folder, fileOf(client)) }));
	const framework = lock[`node_modules/${FRAMEWORK}`];
	const manifest = { name: `policy-action-audit-${name}`, version, license, private: true, main: 'index.js', dependencies: { [FRAMEWORK]: framework.version } };
	writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, '\t')}\n`);
	const packages = { '': { name: manifest.name, version, license, dependencies: manifest.dependencies }, ...closureOf(FRAMEWORK) };
	const artefactLock = { name: manifest.name, version, lockfileVersion: 3, requires: true, packages };
	writeFileSync(join(folder, 'package-lock.json'), `${JSON.stringify(artefactLock, null, '\t')}\n`);
	writeFileSync(join(folder, 'LICENSES.txt'), licencesOf(bundles.flatMap(({ inputs }) => Object.keys(inputs))));
	const sizes = bundles.flatMap(({ outputs }) => Object.entries(outputs)).filter(([, { entryPoint }]) => entryPoint);
	console.log(`build/functions/${name}: ${sizes.map(([path, { bytes }]) => `${basename(path)} ${(bytes / 1e6).toFixed(2)} MB`).join(', ')}`);
}

async function bundle(entry, options) {
	const { metafile } = await build({
		absWorkingDir: root,
		entryPoints: [entry],
		bundle: true,
		platform: 'node',
		target: 'node22',
		// CommonJS, as the clients are: in a module their own `require` and `__dirname` would be missing.
		format: 'cjs',
		// Of a CommonJS file, `import()` finds names only where Node can guess them.
		supported: { 'dynamic-import': false },
		external: [FRAMEWORK],
		minifySyntax: true,
		minifyWhitespace: true,
		sourcemap: true,
		sourcesContent: false,
		metafile: true,
		legalComments: 'none',
		logLevel: 'warning',
		...options,
	});
	return metafile;
}

/**
 * Leaves clients that are loaded when they are needed to files of their own, and tells which: to compile them with the function makes a
 * cold start a third slower.
 */
function apart(clients) {
	return {
		name: 'apart',
		setup({ onResolve }) {
			onResolve({ filter: /^(@google-cloud\/|google-auth-library$)/ }, ({ path, kind }) => {
				if (kind !== 'dynamic-import') return undefined;
				clients.add(path);
				return { path: `./${fileOf(path)}`, external: true };
			});
		},
	};
}

function fileOf(client) {
	return `${basename(client)}.js`;
}

/** The part of our own lock that a package needs: the artefact installs what was tested, byte for byte. */
function closureOf(name) {
	const found = {};
	const visit = (dependency, from) => {
		const path = resolve(dependency, from);
		if (path === undefined || path in found) return;
		const { dev: _, devOptional: __, ...entry } = lock[path];
		found[path] = entry;
		for (const each of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) visit(each, path);
	};
	visit(name, '');
	return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where Node would find a dependency of the package at that place. */
function resolve(name, from) {
	for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
		const path = place === '' ? `node_modules/${name}` : `${place}/node_modules/${name}`;
		if (path in lock) return path;
		if (place === '') return undefined;
	}
}

/** The licence of each package that something of stands in the bundle. */
function licencesOf(inputs) {
	const folders = new Set(inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter((path) => path !== undefined));
	return [...folders].sort().map((folder) => {
		const { name, version: own, license: id } = readJson(folder, 'package.json');
		return `${name} ${own} (${typeof id === 'string' ? id : (id?.type ?? 'see its package')})\n\n${licenceText(folder)}\n`;
	}).join('\n---\n\n');
}

function licenceText(folder) {
	for (const file of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license', 'LICENSE-MIT', 'LICENSE-MIT.txt', 'License', 'LICENSE.BSD'])
		try {
			return readFileSync(join(root, folder, file), 'utf8').trim();
		} catch {
			// Under another name, or in no file at all.
		}
	return 'The package has no file with its licence.';
}
