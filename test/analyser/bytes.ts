/** The logical bytes by which BigQuery prices columns, of rows that the ingest function makes. */
import { fileURLToPath } from 'node:url';
import type { Field } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';
import { readSnapshots } from '../../functions/snapshot/files.ts';
import { createFileSnapshots } from '../../functions/snapshot/source.ts';
import { ingestWith, messageOf, portsWith } from '../ingest/sample.ts';

const SEED = new URL('../../examples/seed/', import.meta.url);

/** The entries of examples/seed as rows of `verdicts_v1`. Rejects where one of them becomes none. */
export async function seedRows(entries: readonly unknown[]): Promise<readonly Row[]> {
	const { snapshots } = await readSnapshots([fileURLToPath(new URL('snapshots/', SEED))]);
	const ports = portsWith({ snapshots: createFileSnapshots(snapshots) });
	for (const [index, entry] of entries.entries()) {
		const outcome = await ingestWith(ports)(messageOf(entry, { id: `seed-${index}` }));
		if (outcome.kind !== 'ok') throw new Error(`entry ${index} of examples/seed ends as ${outcome.kind}`);
	}
	return ports.appended.map(({ row }) => row);
}

export const SEED_ENTRIES = new URL('entries.json', SEED);

const FIXED: Readonly<Record<string, number>> = { INTEGER: 8, FLOAT: 8, TIMESTAMP: 8, DATETIME: 8, DATE: 8, TIME: 8, BOOLEAN: 1 };

/** Mean bytes of a row by column, and by `column.member` of a record. A column that is null has none. */
export function meanBytes(fields: readonly Field[], rows: readonly Row[]): ReadonlyMap<string, number> {
	const sums = new Map<string, number>();
	const add = (name: string, bytes: number): void => void sums.set(name, (sums.get(name) ?? 0) + bytes / rows.length);
	for (const row of rows) for (const field of fields) addField(field, { name: field.name, value: row[field.name], add });
	return sums;
}

interface Place {
	readonly name: string;
	readonly value: unknown;
	readonly add: (name: string, bytes: number) => void;
}

/** Returns what it adds for the field as a whole. */
function addField({ type, fields = [], ...field }: Field, { name, value, add }: Place): number {
	const values = field.mode === 'REPEATED' ? (value as readonly unknown[]) : [value];
	let sum = 0;
	for (const one of values) {
		if (type !== 'RECORD') sum += sizeOf(type, one);
		else for (const member of fields) sum += addField(member, { name: `${name}.${member.name}`, value: (one as Row)[member.name], add });
	}
	add(name, sum);
	return sum;
}

function sizeOf(type: string, value: unknown): number {
	if (value === null || value === undefined) return 0;
	if (type === 'JSON') return Buffer.byteLength(JSON.stringify(value));
	if (type === 'STRING') return 2 + Buffer.byteLength(String(value));
	if (type === 'BYTES') return 2 + Buffer.from(String(value), 'base64').byteLength;
	const bytes = FIXED[type];
	if (bytes === undefined) throw new Error(`a ${type} has no size in test/analyser/bytes.ts`);
	return bytes;
}
