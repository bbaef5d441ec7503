import type { Question } from '../policy/answer.ts';
import { type CompiledSnapshot, compileSnapshot } from '../policy/compile.ts';
import { type Fields, field, isFields } from '../policy/fields.ts';
import { parseAddress } from '../policy/ip.ts';
import type { Direction, FlowEnd } from '../policy/model.ts';
import { createReducer } from '../snapshot/objects.ts';
import { formatProblem } from '../snapshot/problem.ts';

/** Objects as an API server returns them, and flows to judge by them. */
export interface Scenario {
	readonly id: string;
	readonly snapshot: CompiledSnapshot;
	readonly questions: readonly Question[];
	/** Objects that were refused: the answers are without them. A line each. */
	readonly problems: readonly string[];
}

/** Parses a scenario. A reason (text), with the path, where it is none. */
export function parseScenario(value: unknown): Scenario | string {
	if (!isFields(value)) return 'is no object';
	const id = field(value, 'id');
	const objects = field(value, 'objects');
	const flows = field(value, 'flows');
	if (typeof id !== 'string') return 'id: must be a string';
	if (!Array.isArray(objects)) return 'objects: must be a list of Kubernetes objects';
	if (!Array.isArray(flows)) return 'flows: must be a list';
	const questions: Question[] = [];
	for (const [index, flow] of flows.entries()) {
		const question = parseQuestion(flow);
		if (typeof question === 'string') return `flows[${index}]${question}`;
		questions.push(question);
	}
	const reducer = createReducer();
	reducer.add(objects, { file: id, live: true });
	const { state, problems } = reducer.finish();
	return { id, snapshot: compileSnapshot({ format: 1, id, state }), questions, problems: problems.map(formatProblem) };
}

const DIRECTIONS: Readonly<Record<string, readonly Direction[]>> = {
	ingress: ['ingress'],
	egress: ['egress'],
	both: ['egress', 'ingress'],
};

function parseQuestion(flow: unknown): Question | string {
	if (!isFields(flow)) return ': is no object';
	const text = field(flow, 'direction');
	const directions = typeof text === 'string' && Object.hasOwn(DIRECTIONS, text) ? DIRECTIONS[text] : undefined;
	if (!directions) return '.direction: must be ingress, egress or both';
	const protocol = field(flow, 'protocol');
	if (typeof protocol !== 'string') return '.protocol: must be a string, such as TCP';
	const port = field(flow, 'port');
	if (port !== undefined && !(typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65535))
		return '.port: must be between 0 and 65535';
	const source = parseEnd(field(flow, 'src'));
	if (typeof source === 'string') return `.src${source}`;
	const destination = parseEnd(field(flow, 'dst'));
	if (typeof destination === 'string') return `.dst${destination}`;
	return { flow: { source, destination, protocol: protocol.toUpperCase(), ...(port !== undefined && { port }) }, directions };
}

function parseEnd(end: unknown): FlowEnd | string {
	if (!isFields(end)) return ': must be an object with pod, node or ip';
	const [pod, node, ip] = (['pod', 'node', 'ip'] as const).map((key) => field(end as Fields, key));
	if (ip !== undefined && (typeof ip !== 'string' || !parseAddress(ip))) return '.ip: is not an address';
	const address = typeof ip === 'string' ? { ip } : {};
	if (pod !== undefined) {
		const [, namespace, name] = typeof pod === 'string' ? (/^([^/]+)\/([^/]+)$/.exec(pod) ?? []) : [];
		return namespace !== undefined && name !== undefined ? { pod: { namespace, name }, ...address } : '.pod: must be namespace/name';
	}
	if (node !== undefined) return typeof node === 'string' ? { node, ...address } : '.node: must be a name';
	return ip === undefined ? ': must have a pod, a node or an ip' : address;
}
