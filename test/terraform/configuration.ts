/** Terraform's files, parsed as Terraform's own library does. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from '@cdktn/hcl2json';

/** A block's attributes and blocks. An expression that is more than a literal is a text: `${var.name}-ingest`. */
export type Body = Readonly<Record<string, unknown>>;

/** Blocks by their first label, and of resources by their second within that; each a list of bodies. */
export interface Configuration {
	readonly locals: Body;
	readonly variable: Readonly<Record<string, Body>>;
	readonly module: Readonly<Record<string, Body>>;
	/** By `type.name`. */
	readonly resource: Readonly<Record<string, Body>>;
}

const TERRAFORM = new URL('../../terraform/', import.meta.url);

export const readText = (path: string): string => readFileSync(new URL(path, TERRAFORM), 'utf8');

export async function parseFile(path: string): Promise<Readonly<Record<string, unknown>>> {
	return parse(path, readText(path));
}

/** The files of a module together, as Terraform takes them. */
export async function readConfiguration(folder: string): Promise<Configuration> {
	const files = readdirSync(new URL(folder, TERRAFORM)).filter((name) => name.endsWith('.tf'));
	const parsed = await Promise.all(files.map((name) => parseFile(`${folder}${name}`)));
	const locals: Record<string, unknown> = {};
	const found = { variable: {} as Record<string, Body>, module: {} as Record<string, Body>, resource: {} as Record<string, Body> };
	for (const file of parsed) {
		for (const body of (file['locals'] ?? []) as Body[]) Object.assign(locals, body);
		for (const kind of ['variable', 'module'] as const)
			for (const [name, [body]] of Object.entries((file[kind] ?? {}) as Record<string, [Body]>)) found[kind][name] = body;
		for (const [type, named] of Object.entries((file['resource'] ?? {}) as Record<string, Record<string, [Body]>>))
			for (const [name, [body]] of Object.entries(named)) found.resource[`${type}.${name}`] = body;
	}
	return { locals, ...found };
}
