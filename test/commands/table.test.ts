import * as assert from 'uvu/assert';
import { renderTable } from '../../functions/commands/table.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';

const row = (changes: Row = {}): Row => ({
	entry_id: 'e1',
	timestamp: '2026-03-04T05:06:07.123456Z',
	direction: 'ingress',
	disposition: 'deny',
	protocol: 'TCP',
	source_ip: '10.0.0.1',
	destination_ip: '10.0.0.2',
	destination_port: 80,
	subject_kind: 'pod',
	subject_namespace: 'shop',
	subject_name: 'server-abc',
	subject_workload: 'server',
	peer_kind: 'pod',
	peer_namespace: 'shop',
	peer_name: 'client',
	peer_workload: 'client',
	finding: 'void-rule',
	flagged: true,
	certainty: 'certain',
	constructs: ['ipblock-pod'],
	reasons: [],
	summary: 'Broken by the move.',
	fingerprint: 'f1',
	...changes,
});

/** The table of groups of one entry each, but for those that are told. */
const table = (rows: readonly Row[], { columns = 140, left = 0, entries = 1 } = {}): string =>
	renderTable(
		rows.map((first) => ({ first, entries })),
		{ columns, left },
	);

/** Cells of the table, a list for each line of text. */
const cells = (text: string): string[][] =>
	text
		.split('\n')
		.filter((line) => line.startsWith('│'))
		.map((line) =>
			line
				.slice(1, -1)
				.split('│')
				.map((cell) => cell.trim()),
		);

describe('the table of findings', (it) => {
	it('has a line for a problem, and its explanation beneath', () => {
		assert.equal(cells(table([row()])).slice(1), [
			['2026-03-04', 'ingress', 'shop/client', '! void-rule, certain', '1'],
			['05:06:07', 'deny', '→ shop/server', 'ipblock-pod', ''],
			['', '', 'TCP 80', '', ''],
			['Broken by the move.'],
		]);
	});

	it('has the number of entries, and the explanation once', () => {
		const text = table([row(), row({ entry_id: 'e3', fingerprint: 'f2' })], { entries: 2 });
		const counts = cells(text).map((line) => line[4]);
		assert.equal(
			counts.filter((count) => count),
			['entries', '2', '2'],
		);
		assert.is(text.split('Broken').length, 3);
	});

	it('explains what is flagged, denied or touched by a construct, and leaves the plain and healthy at a line', () => {
		const explained = (tweaks: Row): boolean => table([row(tweaks)]).includes('Broken by the move.');
		assert.is(explained({ finding: 'explained', flagged: false, constructs: [] }), true);
		assert.is(explained({ finding: 'confirmed', flagged: false, constructs: ['end-port'] }), true);
		assert.is(explained({ finding: 'confirmed', flagged: false, constructs: [] }), false);
	});

	it('shows an address where there is no name, and a node by its name', () => {
		const external = row({ peer_kind: 'external', peer_namespace: null, peer_name: null, peer_workload: null, direction: 'egress' });
		assert.match(table([external]), /shop\/server .*\n.* → 10\.0\.0\.2 /);
		const node = row({
			peer_kind: 'node',
			peer_namespace: null,
			peer_name: 'n1',
			peer_workload: null,
			protocol: 'ICMP',
			destination_port: null,
		});
		assert.match(table([node]), /node n1 .*\n.* → shop\/server .*\n.* ICMP {2}/);
	});

	it('says how many groups are not shown', () => {
		assert.match(table([row()], { left: 50 }), /… and 50 more; --format json has all of them/);
		assert.not.match(table([row()]), /more;/);
	});

	it('fits the terminal, within reason', () => {
		const widths = [40, 120, 400].map((columns) => table([row({ summary: 'word '.repeat(100) })], { columns }).split('\n')[0]?.length);
		assert.equal(widths, [80, 120, 140]);
	});

	it('cuts no name, however long', () => {
		const name = `shop-${'x'.repeat(58)}`;
		const text = table([row({ subject_workload: name })], { columns: 80 });
		const connection = cells(text).map((line) => line[2] ?? '');
		assert.ok(connection.join('').includes(`shop/${name}`), text);
	});

	it('is nothing without findings', () => assert.is(table([]), ''));
});
