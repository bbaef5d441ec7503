import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { findLayout } from '../snapshot/layout.ts';

/** The path that a file has, or would have, whatever links lead there. */
export async function realPath(path: string): Promise<string> {
	const whole = resolve(path);
	const real = (known: string) => realpath(known).catch(() => undefined);
	return (await real(whole)) ?? join((await real(dirname(whole))) ?? dirname(whole), basename(whole));
}

/** What a command reads and writes; `-` is standard input. */
export interface Paths {
	readonly inputs: readonly string[];
	/** Files, or folders whose files are read. */
	readonly snapshots?: readonly string[];
	readonly db?: string | undefined;
	readonly out?: string | undefined;
}

/** Why what is written would destroy what is read; `undefined` where it would not. */
export async function findClash({ inputs, snapshots = [], db, out }: Paths): Promise<string | undefined> {
	if (db === undefined && out === undefined) return undefined;
	const layouts = await Promise.all(snapshots.map(findLayout));
	const files = layouts.flatMap(({ timed, plain }) => [...timed, plain].flatMap((group) => group.files));
	const read = new Set(await Promise.all([...inputs.filter((path) => path !== '-'), ...files].map(realPath)));
	const [database, output] = await Promise.all([db, out].map((path) => (path === undefined ? undefined : realPath(path))));
	if (database !== undefined && read.has(database)) return `--db ${db} is one of the inputs; name another file`;
	if (output !== undefined && read.has(output)) return `--out ${out} is one of the inputs; name another file`;
	return output !== undefined && output === database ? `--out ${out} is the database; name another file` : undefined;
}
