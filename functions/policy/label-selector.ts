import { at, field, type Reading, readList, readObject, readText, readTexts, refuse, shown, warnUnknown } from './fields.ts';
import type { LabelRequirement, LabelSelector } from './model.ts';
import { labelKeyProblem, labelValueProblem } from './names.ts';

const OPERATORS: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist'] satisfies LabelRequirement['operator'][];
const isOperator = (text: string): text is LabelRequirement['operator'] => OPERATORS.includes(text);

/** A LabelSelector with both parts filled in. `undefined` where it has a problem: what it selects is not known then. */
export function readLabelSelector(value: unknown, path: string, reading: Reading): LabelSelector | undefined {
	const before = reading.problems.length;
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	const effect = 'the selector selects more than it says';
	warnUnknown(object, ['matchLabels', 'matchExpressions'], { path, effect, reading });
	const labelsPath = at(path, 'matchLabels');
	const matchLabels = readTexts(field(object, 'matchLabels'), labelsPath, reading) ?? {};
	for (const [key, label] of Object.entries(matchLabels)) checkLabel(key, label, { path: labelsPath, reading });
	const expressionsPath = at(path, 'matchExpressions');
	const listed = readList(field(object, 'matchExpressions'), expressionsPath, reading) ?? [];
	const matchExpressions = listed.map((item, index) => readRequirement(item, `${expressionsPath}[${index}]`, reading));
	if (reading.problems.length > before) return undefined;
	return { matchLabels, matchExpressions: matchExpressions.filter((requirement) => requirement !== undefined) };
}

/** A label's key and value, as the API server checks them in selectors and in metadata. */
export function checkLabel(key: string, value: string, where: { path: string; reading: Reading }): void {
	const keyProblem = labelKeyProblem(key);
	if (keyProblem) refuse(where.reading, where.path, `the key ${keyProblem} (${shown(key)})`);
	const valueProblem = labelValueProblem(value);
	if (valueProblem) refuse(where.reading, where.path, `the value of ${shown(key)} ${valueProblem} (${shown(value)})`);
}

function readRequirement(value: unknown, path: string, reading: Reading): LabelRequirement | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	warnUnknown(object, ['key', 'operator', 'values'], { path, reading });
	const key = readText(field(object, 'key'), `${path}.key`, reading);
	const keyProblem = key === undefined ? undefined : labelKeyProblem(key);
	if (keyProblem) refuse(reading, `${path}.key`, `${keyProblem} (${shown(key)})`);
	const values = (readList(field(object, 'values'), `${path}.values`, reading) ?? []).map((item, index) =>
		readText(item, `${path}.values[${index}]`, reading),
	);
	for (const [index, item] of values.entries()) {
		const problem = item === undefined ? undefined : labelValueProblem(item);
		if (problem) refuse(reading, `${path}.values[${index}]`, `${problem} (${shown(item)})`);
	}
	const operator = readText(field(object, 'operator'), `${path}.operator`, reading);
	if (operator === undefined || key === undefined) return undefined;
	if (!isOperator(operator)) {
		refuse(reading, `${path}.operator`, `must be one of ${OPERATORS.join(', ')} (${shown(operator)})`);
		return undefined;
	}
	const wantsValues = operator === 'In' || operator === 'NotIn';
	// "If the operator is In or NotIn, the values array must be non-empty. If the operator is Exists or DoesNotExist, the values array must be empty."
	if (wantsValues && values.length === 0) refuse(reading, `${path}.values`, `must not be empty with the operator ${operator}`);
	if (!wantsValues && values.length > 0) refuse(reading, `${path}.values`, `must be empty with the operator ${operator}`);
	return { key, operator, values: values.filter((item) => item !== undefined) };
}
