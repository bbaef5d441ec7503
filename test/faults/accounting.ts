/** What became of messages, counted in what the warehouse stored. */
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Field } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';
import type { InsertAllServer } from '../servers/insert-all.ts';
import { type Published, SNAPSHOT_ID } from '../servers/messages.ts';
import type { PushMessage } from './pusher.ts';

/** A message to push, and how it must end. */
export interface Sent extends PushMessage, Published {
	/** Well formed, but the table refuses its row. */
	readonly refused: boolean;
}

export interface Account {
	readonly lost: number;
	readonly doubled: number;
	/** What is wrong beside that, one line each. */
	readonly problems: readonly string[];
}

/** Tells of each acknowledgement whether the message's row was stored by then. */
export function createAckRule(server: () => Pick<InsertAllServer, 'rows'>) {
	const stored = new Set<string>();
	const read = { verdicts_v1: 0, rejects_v1: 0 };
	/** Reads what was stored since the last call only. */
	function readOn(table: keyof typeof read, column: string): void {
		const rows = server().rows(table);
		for (; read[table] < rows.length; read[table]++) stored.add(String(rows[read[table]]?.json[column]));
	}
	return {
		holds({ key, id, finding }: Sent): boolean {
			readOn('verdicts_v1', 'insert_id');
			readOn('rejects_v1', 'message_id');
			return stored.has(id) || (finding !== 'reject' && stored.has(key));
		},
	};
}

/** Counts in the views themselves, over the rows as they are stored, copies and all. */
export async function account(
	server: Pick<InsertAllServer, 'rows'>,
	{ messages, tables }: { readonly messages: readonly Sent[]; readonly tables: ReadonlyMap<string, readonly Field[]> },
): Promise<Account> {
	const warehouse = await openDuckdb();
	try {
		for (const table of ['verdicts_v1', 'rejects_v1'] as const) {
			const fields = tables.get(table) ?? [];
			await Promise.all(server.rows(table).map(({ json }) => warehouse.write(table, fromWire(json, fields))));
		}
		const verdicts = await warehouse.query('SELECT insert_id, entry_id, finding, snapshot_id FROM `${dataset}.verdicts`');
		const rejects = await warehouse.query('SELECT message_id, reason, raw FROM `${dataset}.rejects`');
		return compare(messages, { verdicts, rejects });
	} finally {
		await warehouse.close();
	}
}

function compare(messages: readonly Sent[], views: { readonly verdicts: readonly Row[]; readonly rejects: readonly Row[] }): Account {
	const verdicts = Map.groupBy(views.verdicts, (row) => String(row['insert_id']));
	const rejects = Map.groupBy(views.rejects, (row) => String(row['message_id']));
	const problems: string[] = [];
	let [lost, doubled] = [0, 0];
	for (const { id, key, data, finding, refused } of messages) {
		const isReject = finding === 'reject' || refused;
		const [judged, rejected] = [verdicts.get(key) ?? [], rejects.get(id) ?? []];
		if ((isReject ? rejected : judged).length === 0) lost++;
		if (judged.length + rejected.length > 1) doubled++;
		if ((isReject ? judged : rejected).length > 0) problems.push(`${key} is in the wrong view`);
		for (const row of judged) {
			if (row['finding'] !== finding) problems.push(`${key} is ${String(row['finding'])}, not ${finding}`);
			if (row['snapshot_id'] !== SNAPSHOT_ID) problems.push(`${key} was judged by ${String(row['snapshot_id'])}`);
		}
		for (const row of rejected) {
			if (Buffer.from(String(row['raw']), 'base64').toString() !== data) problems.push(`${key} is not kept as it came`);
			if ((row['reason'] === 'row-refused') !== refused) problems.push(`${key} was rejected for ${String(row['reason'])}`);
		}
	}
	const [keys, ids] = [new Set(messages.map(({ key }) => key)), new Set(messages.map(({ id }) => id))];
	const unknown = [...verdicts.keys()].filter((key) => !keys.has(key)).length + [...rejects.keys()].filter((id) => !ids.has(id)).length;
	if (unknown > 0) problems.push(`${unknown} rows of no message`);
	return { lost, doubled, problems };
}

/** Of a row as insertAll takes it: there a JSON column is text. */
function fromWire(json: Row, fields: readonly Field[]): Row {
	const columns = fields.filter(({ type, name }) => type === 'JSON' && typeof json[name] === 'string');
	return { ...json, ...Object.fromEntries(columns.map(({ name }) => [name, JSON.parse(String(json[name]))])) };
}
