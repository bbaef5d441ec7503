import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseTimeName } from '../policy/time.ts';
import { explainError } from './bytes.ts';
import { compareText } from './canonical.ts';
import { append, type Problem } from './problem.ts';

/** Files that make one snapshot. */
export interface Group {
	/** The folder or file that a person would name. */
	readonly path: string;
	/** Absent: valid at any time. */
	readonly time?: string;
	readonly files: readonly string[];
}

/** What is under a path. */
export interface Layout {
	/** Folders and files named by time. */
	readonly timed: readonly Group[];
	/** Everything else: one snapshot without a time; beside timed ones, files that belong to none. */
	readonly plain: Group;
	readonly problems: readonly Problem[];
}

const OBJECT_FILE = /\.(ya?ml|json)(\.gz)?$/i;
/** A folder whose name was meant to be a time: read as a plain one it would mix states of different times. */
const ALMOST_TIME = /^\d{4}-\d\d-\d\d/;

interface Scan {
	readonly timed: Group[];
	readonly plain: string[];
	readonly problems: Problem[];
	/** Real paths of folders above: a link may lead back to one. */
	readonly above: readonly string[];
}

/** Looks at a path given by a person: a file, whatever its name, or a folder. Never rejects. */
export async function findLayout(path: string): Promise<Layout> {
	const scan: Scan = { timed: [], plain: [], problems: [], above: [] };
	try {
		const isFolder = (await stat(path)).isDirectory();
		const time = timeOf(path, isFolder);
		if (time !== undefined) scan.timed.push({ path, time, files: isFolder ? await filesIn(path, scan) : [path] });
		else if (isFolder) await scanFolder(path, scan);
		else scan.plain.push(path);
	} catch (error) {
		scan.problems.push({ file: path, message: explainError(error) });
	}
	return { timed: scan.timed, plain: { path, files: scan.plain }, problems: scan.problems };
}

/** Of a folder its whole name, of a file the name before `.json` and the like. */
function timeOf(path: string, isFolder: boolean): string | undefined {
	// Resolved, so that `.` has a name too.
	const name = basename(resolve(path));
	return parseTimeName(isFolder ? name : name.replace(OBJECT_FILE, ''));
}

async function scanFolder(folder: string, scan: Scan): Promise<void> {
	for await (const { path, isFolder, inside } of entriesOf(folder, scan)) {
		const time = timeOf(path, isFolder);
		if (time !== undefined) scan.timed.push({ path, time, files: isFolder ? await filesIn(path, inside) : [path] });
		else if (!isFolder) scan.plain.push(path);
		else if (ALMOST_TIME.test(basename(path))) {
			scan.problems.push({ file: path, message: 'is no snapshot folder: its name must be a time such as 2023-09-23T142057Z (UTC)' });
		} else await scanFolder(path, inside);
	}
}

/** All object files in a folder, at any depth. */
async function filesIn(folder: string, scan: Scan): Promise<string[]> {
	const files: string[] = [];
	for await (const { path, isFolder, inside } of entriesOf(folder, scan)) {
		if (isFolder) append(files, await filesIn(path, inside));
		else files.push(path);
	}
	return files;
}

interface Entry {
	readonly path: string;
	readonly isFolder: boolean;
	readonly inside: Scan;
}

/** Folders and object files in a folder, by name; links are followed. Hidden ones and installed packages are left out. */
async function* entriesOf(folder: string, scan: Scan): AsyncGenerator<Entry> {
	let names: string[] = [];
	let inside = scan;
	try {
		const real = await realpath(folder);
		if (scan.above.includes(real)) return;
		inside = { ...scan, above: [...scan.above, real] };
		names = (await readdir(folder)).sort(compareText);
	} catch (error) {
		scan.problems.push({ file: folder, message: explainError(error) });
	}
	for (const name of names) {
		if (name.startsWith('.') || name === 'node_modules') continue;
		const path = join(folder, name);
		try {
			const found = await stat(path);
			if (found.isDirectory()) yield { path, isFolder: true, inside };
			else if (found.isFile() && OBJECT_FILE.test(name)) yield { path, isFolder: false, inside };
		} catch (error) {
			if (OBJECT_FILE.test(name)) scan.problems.push({ file: path, message: explainError(error) });
		}
	}
}
