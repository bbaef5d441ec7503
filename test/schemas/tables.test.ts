import { equal, is, ok } from 'uvu/assert';
import { type Field, readSchemas } from '../../functions/adapters/schemas.ts';
import { type End, type Evidence, FINDINGS } from '../../functions/policy/finding.ts';
import type { TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';

const { tables } = await readSchemas();
const TYPES = ['STRING', 'INTEGER', 'FLOAT', 'BOOLEAN', 'TIMESTAMP', 'DATE', 'JSON', 'BYTES', 'RECORD'];

function* columns(
	fields: readonly Field[],
	path: string,
): Generator<{ readonly path: string; readonly field: Field; readonly nested: boolean }> {
	for (const field of fields) {
		yield { path: `${path}.${field.name}`, field, nested: path.includes('.') };
		yield* columns(field.fields ?? [], `${path}.${field.name}`);
	}
}
const all = [...tables].flatMap(([name, fields]) => [...columns(fields, name)]);

describe('schemas/tables', (it) => {
	it('defines each table that the functions append to', () => {
		const appended: Record<TableName, true> = {
			verdicts_v1: true,
			rejects_v1: true,
			policy_findings_v1: true,
			snapshots_v1: true,
		};
		for (const name of Object.keys(appended)) ok(tables.has(name), name);
	});

	it('describes every column in a sentence', () => {
		ok(all.length > 70, `only ${all.length} columns found`);
		for (const { path, field } of all) ok(/^\S.{8,}\.$/.test(field.description ?? ''), `${path}: ${field.description}`);
	});

	it('lists every value that the engine writes', () => {
		const roles: Record<Evidence['role'], true> = {
			isolates: true,
			admits: true,
			void: true,
			opens: true,
			'near-miss': true,
			'would-be': true,
			'may-decide': true,
			'stand-in': true,
		};
		const kinds: Record<End['kind'], true> = {
			pod: true,
			'host-network-pod': true,
			node: true,
			service: true,
			'well-known': true,
			external: true,
			unknown: true,
		};
		const values = { 'evidence.role': roles, peer_kind: kinds, finding: Object.fromEntries(FINDINGS.map((id) => [id, true])) };
		for (const [column, ids] of Object.entries(values)) {
			const text = all.find(({ path }) => path === `verdicts_v1.${column}`)?.field.description ?? '';
			for (const id of Object.keys(ids)) ok(new RegExp(`(?<![\\w-])${id}(?![\\w-])`).test(text), `${column}: ${id}`);
		}
	});

	it('gives every column a name, a type and a mode that BigQuery knows', () => {
		for (const { path, field } of all) {
			ok(/^[a-z][a-z0-9_]*$/.test(field.name), path);
			ok(TYPES.includes(field.type), `${path}: ${field.type}`);
			ok(['REQUIRED', 'NULLABLE', 'REPEATED'].includes(field.mode ?? ''), `${path}: ${field.mode}`);
			is(field.type === 'RECORD', field.fields !== undefined, path);
		}
	});

	it('names no column twice', () => {
		equal(
			all.map(({ path }) => path).filter((path, index, paths) => paths.indexOf(path) !== index),
			[],
		);
	});

	it('keeps REPEATED columns at top level, where every engine can read them', () => {
		equal(
			all.filter(({ field, nested }) => nested && field.mode === 'REPEATED').map(({ path }) => path),
			[],
		);
	});

	it('has a version in each name', () => {
		for (const name of tables.keys()) ok(/_v\d+$/.test(name), name);
	});
});
