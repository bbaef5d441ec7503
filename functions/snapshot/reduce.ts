import { type Fields, field, formatRemark, isFields, type Reading, type Remark, startReading } from '../policy/fields.ts';
import { parseNetworkPolicy } from '../policy/manifest.ts';
import type { ClusterState } from '../policy/model.ts';
import { canonicalJson } from './canonical.ts';
import { groupOf, type Kept } from './kinds.ts';
import { readPlain, reduceOther } from './other.ts';
import { reducePod } from './pod.ts';
import { type Identity, readIdentity, reduceNamespace, reduceNode, reduceService } from './resources.ts';

/** The part of the state that an object becomes a member of. */
export type List = Exclude<keyof ClusterState, 'unreadableKinds'>;

export interface ReducedObject {
	/** Kind, namespace and name: what two objects of one snapshot cannot have in common. */
	readonly key: string;
	/** Absent: nothing of it is kept. */
	readonly list?: List;
	readonly value?: unknown;
	readonly problems: readonly Remark[];
	readonly warnings: readonly Remark[];
}

/** What stands for a name that is missing. */
export const NAMELESS = '(no name)';
/** Problems of a policy that its reason spells out; all of them are among the problems. */
const REASONS = 3;

export const refusal = (problem: Remark): ReducedObject => ({ key: '', problems: [problem], warnings: [] });

/** Reduces one object. `live`: it comes from a cluster, which is also seen from what only a server writes. */
export function reduceObject(object: Fields, treatment: Kept, knownLive: boolean): ReducedObject {
	const live = knownLive || isFromCluster(object);
	if (treatment.as === 'NetworkPolicy') return reducePolicy(object, live);
	const reading = startReading(!live);
	const { problems, warnings } = reading;
	const identity = readIdentity(object, treatment.scope === 'namespaced', reading);
	const apiVersion = field(object, 'apiVersion') as string;
	const kind = field(object, 'kind') as string;
	if (!identity) {
		if (treatment.as !== 'other') return { key: '', problems, warnings };
		const value = { apiVersion, kind, name: NAMELESS, spec: null };
		return { key: [groupOf(apiVersion), kind, NAMELESS].join(' '), list: 'otherPolicies', value, problems, warnings };
	}
	const key = [groupOf(apiVersion), kind, identity.namespace, identity.name].join(' ');
	const reduced = reduceByKind(object, { treatment, identity, live, reading });
	// A part that cannot be read would be guessed at: the whole object is left out. But a policy may decide flows, readable or not.
	const kept = problems.length === 0 || treatment.as === 'other' ? reduced : undefined;
	return kept ? { key, ...kept, problems, warnings } : { key, problems, warnings };
}

interface Reduction {
	readonly treatment: Kept;
	readonly identity: Identity;
	readonly live: boolean;
	readonly reading: Reading;
}

function reduceByKind(
	object: Fields,
	{ treatment, identity, live, reading }: Reduction,
): Pick<ReducedObject, 'list' | 'value'> | undefined {
	const { as } = treatment;
	switch (as) {
		case 'Namespace':
			return { list: 'namespaces', value: reduceNamespace(identity, live) };
		case 'Node':
			return { list: 'nodes', value: reduceNode(object, identity, reading) };
		case 'Pod':
			return { list: 'pods', value: reducePod(object, identity, reading) };
		case 'Service':
			return { list: 'services', value: reduceService(object, identity, reading) };
		case 'NetworkLogging':
			// "The one object named default": others do nothing.
			return identity.name === 'default'
				? { list: 'networkLogging', value: readPlain(field(object, 'spec') ?? {}, 'spec', reading) }
				: undefined;
		case 'other':
			return { list: 'otherPolicies', value: reduceOther(object, identity, reading) };
		case 'NetworkPolicy':
			return undefined;
		default:
			return as satisfies never;
	}
}

function reducePolicy(object: Fields, live: boolean): ReducedObject {
	const result = parseNetworkPolicy(object, !live);
	const { kind, warnings } = result;
	const { namespace, name } = kind === 'ok' ? result.policy : result;
	const key = `NetworkPolicy ${namespace}/${name}`;
	if (kind === 'ok') return { key, list: 'policies', value: result.policy, problems: [], warnings };
	const { problems, podSelector } = result;
	const more = problems.length > REASONS ? `; and ${problems.length - REASONS} more` : '';
	const reason = `${problems.slice(0, REASONS).map(formatRemark).join('; ')}${more}`;
	const value = { namespace, name: name || NAMELESS, reason, ...(podSelector && { podSelector }) };
	// Nameless policies are not the same policy: each may select other Pods.
	return { key: name ? key : `${key} ${canonicalJson(value)}`, list: 'unreadablePolicies', value, problems, warnings };
}

/** Only what a server has stored has one of these. */
function isFromCluster(object: Fields): boolean {
	const metadata = field(object, 'metadata');
	return (
		isFields(metadata) && [field(metadata, 'uid'), field(metadata, 'resourceVersion')].some((id) => typeof id === 'string' && id !== '')
	);
}
