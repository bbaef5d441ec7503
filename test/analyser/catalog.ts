import type { Field } from '../../functions/adapters/schemas.ts';
import { childrenOf, requireChild, type Tree } from './tree.ts';

/** GoogleSQL's numbers of types, by the names that BigQuery's schema files use. */
export const TYPES: Readonly<Record<string, number>> = {
	INTEGER: 2,
	BOOLEAN: 5,
	FLOAT: 7,
	STRING: 8,
	BYTES: 9,
	DATE: 10,
	TIMESTAMP: 19,
	TIME: 20,
	DATETIME: 21,
	NUMERIC: 23,
	BIGNUMERIC: 24,
	JSON: 26,
};
const ARRAY = 16;
const STRUCT = 17;
/** A signature argument of one type. */
const FIXED = 0;
const SCALAR = 1;

export interface Table {
	readonly name: string;
	readonly column: readonly { readonly name: string; readonly type: unknown }[];
}

/** A table as the catalog has it. Throws where a type is not known. */
export const toTable = (name: string, fields: readonly Field[]): Table => ({
	name,
	column: fields.map((field) => ({ name: field.name, type: toType(field) })),
});

function toType({ name, type, mode, fields = [] }: Field): object {
	const typeKind = TYPES[type];
	if (type !== 'RECORD' && typeKind === undefined)
		throw new Error(`column ${name} has the type ${type}, which test/analyser/catalog.ts lacks`);
	const members = fields.map((field) => ({ fieldName: field.name, fieldType: toType(field) }));
	const element = type === 'RECORD' ? { typeKind: STRUCT, structType: { field: members } } : { typeKind };
	return mode === 'REPEATED' ? { typeKind: ARRAY, arrayType: { elementType: element } } : element;
}

/** A view is a table of the columns that its query gives. */
export const viewTable = (name: string, statement: Tree): Table => ({
	name,
	column: childrenOf(statement, 'outputColumnList').map((output) => ({
		name: String(output['name']),
		type: requireChild(output, 'column')['type'],
	})),
});

/** A function of the dataset, with its one FunctionSignatureProto. */
export interface Routine {
	readonly name: string;
	readonly signature: unknown;
}

const argumentOf = (type: string) => ({ kind: FIXED, type: { typeKind: TYPES[type] }, numOccurrences: 1 });

/** A function by the names of its types. */
export const toRoutine = ({ name, takes, gives }: { name: string; takes: readonly string[]; gives: string }): Routine => ({
	name,
	signature: { argument: takes.map(argumentOf), returnType: argumentOf(gives) },
});

export function toCatalog(tables: readonly Table[], routines: readonly Routine[]): object {
	return {
		name: 'dataset',
		table: tables.map((table, index) => ({ ...table, serializationId: index + 1 })),
		customFunction: routines.map(({ name, signature }) => ({ namePath: [name], group: 'dataset', mode: SCALAR, signature: [signature] })),
	};
}
