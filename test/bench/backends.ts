/** The servers behind the function: a bucket with one snapshot and insertAll, in a process of their own. Tells its parent where they are. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clusterFolder, formatLatest, LATEST_NAME, snapshotName } from '../../functions/adapters/bucket/names.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { type InsertAllServer, type InsertedRow, startInsertAll } from '../servers/insert-all.ts';
import { CLUSTER, generateState, SEEN_UNTIL, VALID_FROM } from './push.ts';

const latencyMs = Number(process.argv[2] ?? 0);
const rows: Record<string, number> = {};

const { tables } = await readSchemas();
const server: InsertAllServer = await startInsertAll({
	tables,
	latencyMs,
	faults({ table, rows: { length } }) {
		rows[table] = (rows[table] ?? 0) + length;
		// A million of them would not fit the memory of this process.
		(server.requests as unknown[]).length = 0;
		(server.rows(table) as InsertedRow[]).length = 0;
		return undefined;
	},
});

const snapshot = createSnapshot({ state: { ...generateState(), cluster: CLUSTER }, validFrom: VALID_FROM, collectedAt: VALID_FROM });
const folder = clusterFolder(CLUSTER) ?? '';
const name = snapshotName(VALID_FROM);
const objects = new Map<string, Buffer>([
	[`${folder}${name}`, encodeSnapshot(snapshot)],
	[`${folder}${LATEST_NAME}`, Buffer.from(formatLatest({ name, id: snapshot.id, seenUntil: SEEN_UNTIL }))],
]);
const bucket = createServer((request, response) => {
	const object = /^\/storage\/v1\/b\/[^/]+\/o\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '';
	const bytes = objects.get(decodeURIComponent(object));
	response.writeHead(bytes ? 200 : 404, { 'content-type': 'application/octet-stream' }).end(bytes);
});
bucket.listen(0, '127.0.0.1', () => {
	const bucketUrl = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
	process.send?.({ bucketUrl, warehouseUrl: server.url });
});
process.on('message', () => process.send?.(rows));
process.on('disconnect', () => process.exit());
