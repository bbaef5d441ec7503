import { stringify } from 'yaml';
import type { ConstructId } from '../../policy/constructs.ts';
import { isPortNumber, labelKeyProblem, labelValueProblem, subdomainProblem } from '../../policy/names.ts';
import { hiddenUnder } from '../../policy/selector.ts';
import { NONE } from '../../policy/semantics.ts';
import type { ProblemDetail } from '../../ports.ts';
import type { Alert, Rendering } from '../alert.ts';

/** A change to a policy: YAML of a part of a NetworkPolicy, and where that part belongs. */
export interface Suggestion {
	/**
	 * Beside what is there wherever that still admits something, on some generation of Dataplane V2 or on a node that has not moved: what
	 * mends one flow must not break another.
	 */
	readonly place: string;
	readonly yaml: string;
}

type Fragment = Readonly<Record<string, unknown>>;

/** Labels that have another value with each release, revision, run or Pod. `hiddenUnder` has those that Dataplane V2 does not see. */
const CHANGING =
	/^(version|app\.kubernetes\.io\/version|helm\.sh\/chart|chart|release-version|.*-template-hash|.*-revision-hash|.*-template-generation|controller-uid|job-name|(batch|apps|statefulset)\.kubernetes\.io\/.*|topology\.kubernetes\.io\/.*)$/;
/** More do not make a selector better, but a message longer. */
const MAX_LABELS = 6;
const MAX_PEERS = 5;
const MAX_PORTS = 10;
const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';

/**
 * What to write instead, from what was seen: details of one alert's problems, those that matter most first. Nothing where what was seen
 * does not say it; and never a name that an API server would not take, so that what is pasted is what is read.
 */
export function suggest(construct: ConstructId | undefined, details: readonly ProblemDetail[]): Suggestion | undefined {
	const [first] = details;
	if (construct === undefined || !first?.policyName || subdomainProblem(first.policyName)) return undefined;
	const fragment = fragmentOf({ construct, first, details });
	return fragment && { place: fragment.place, yaml: stringify(fragment.part, { lineWidth: 0, version: '1.1' }).trimEnd() };
}

/** The same from what is known of an alert's problems. */
export const suggestFor = ({ group, problems }: Alert, { details }: Rendering): Suggestion | undefined =>
	suggest(
		group.construct,
		problems.map(({ fingerprint }) => details.get(fingerprint)).filter((detail) => detail !== undefined),
	);

interface Told {
	/** Of the problem that matters most. */
	readonly first: ProblemDetail;
	readonly details: readonly ProblemDetail[];
}

interface Part {
	readonly place: string;
	readonly part: Fragment;
}

function fragmentOf({ construct, ...told }: Told & { readonly construct: ConstructId }): Part | undefined {
	const { first, details } = told;
	const { direction, peer } = first;
	const ports = seenPorts(details);
	switch (construct) {
		case 'ipblock-pod':
		case 'ipblock-service':
			return peersFragment(told);
		case 'label-not-identity':
			// Of the policy's own podSelector, or of what it newly admits, nothing better is known.
			return peer === null || first.disposition === 'allow' ? undefined : peersFragment(told);
		case 'ipblock-node':
		case 'snat-remote-node':
			if (first.disposition === 'allow' || ports.length === 0) return undefined;
			return { place: 'one more rule, without peers', part: { [direction]: [{ ports }] } };
		case 'port-protocol-only':
		case 'end-port':
		case 'named-port-ambiguous':
		case 'named-port-unresolved':
			// What is open and should not be is not closed by more ports.
			return first.disposition === 'allow'
				? undefined
				: portsFragment({ first, ports, range: construct === 'end-port' ? rangePorts(first.clause) : undefined });
		case 'policy-types-overreach': {
			const other = direction === 'ingress' ? 'Egress' : 'Ingress';
			return { place: `as it was before the move, without rules for ${direction}`, part: { policyTypes: [other], [direction]: [] } };
		}
		case 'negative-namespace-selector':
			return {
				place: `added to ${peer === null ? 'the peer' : `peer ${peer}`}, beside the requirements that it has`,
				part: { namespaceSelector: { matchExpressions: [{ key: NAMESPACE_LABEL, operator: 'Exists' }] } },
			};
		case 'metadata-dnat':
			return { place: 'one more rule', part: { egress: [{ to: [{ ipBlock: { cidr: '169.254.169.254/32' } }], ports: tcp(80, 8080) }] } };
		case 'node-local-dns':
			return { place: 'one more rule', part: { egress: [DNS_RULE] } };
		// What they opened stays open for any port or address that could be written from what was seen.
		case 'named-port-widened':
		case 'any-cidr-dual-stack':
		case 'sctp-rejected':
		case 'calico-crd':
		case 'renamed-in-logs':
		case 'multi-network':
			return undefined;
		default:
			return construct satisfies never;
	}
}

const tcp = (...ports: number[]): Fragment[] => ports.map((port) => ({ protocol: 'TCP', port }));

const kubeSystem = (app: string): Fragment => ({
	namespaceSelector: { matchLabels: { [NAMESPACE_LABEL]: 'kube-system' } },
	podSelector: { matchLabels: { 'k8s-app': app } },
});

const DNS_RULE: Fragment = {
	to: [kubeSystem('kube-dns'), kubeSystem('node-local-dns'), { ipBlock: { cidr: '169.254.20.10/32' } }],
	ports: [
		{ protocol: 'UDP', port: 53 },
		{ protocol: 'TCP', port: 53 },
	],
};

/** `what`: `peer 0`. */
const beside = (what: string, these: 'Pods' | 'ports'): string =>
	`beside ${what}, which stays (it may go where these ${these} are all that it was meant for)`;

interface Ports {
	readonly first: ProblemDetail;
	readonly ports: readonly Fragment[];
	/** All that the old entry was meant to admit. */
	readonly range: readonly Fragment[] | undefined;
}

function portsFragment({ first: { portEntry }, ports, range }: Ports): Part | undefined {
	const old = portEntry === null ? 'the port entry' : `port entry ${portEntry}`;
	if (range) return { place: `in the place of ${old}, all of whose ports these are`, part: { ports: range } };
	return ports.length === 0 ? undefined : { place: beside(old, 'ports'), part: { ports } };
}

function peersFragment({ first, details }: Told): Part | undefined {
	const peers = details.map((detail) => peerOf(detail, first.policyNamespace));
	const written = distinct(peers.filter((peer) => peer !== undefined)).slice(0, MAX_PEERS);
	if (written.length === 0) return undefined;
	const texts = new Set(written.map((peer) => JSON.stringify(peer)));
	// A peer that is left out is told of: who pastes this would lock it out.
	const missing = peers.filter((peer) => !texts.has(JSON.stringify(peer))).length;
	const more = missing === 0 ? '' : `; the peers of ${missing} more ${missing === 1 ? 'problem' : 'problems'} are not in it`;
	const place = beside(first.peer === null ? 'the peer' : `peer ${first.peer}`, 'Pods');
	return { place: `${place}${more}`, part: { [first.direction === 'ingress' ? 'from' : 'to']: written } };
}

/** The Pods of a peer by labels that last, in their namespace where it is not the policy's. */
function peerOf({ peerLabels, peerNamespace }: ProblemDetail, policyNamespace: string | null): Fragment | undefined {
	const labels = lastingLabels(peerLabels ?? '');
	if (labels.length === 0 || peerNamespace === null || subdomainProblem(peerNamespace)) return undefined;
	const namespaceSelector = { matchLabels: { [NAMESPACE_LABEL]: peerNamespace } };
	return {
		...(peerNamespace !== policyNamespace && { namespaceSelector }),
		podSelector: { matchLabels: Object.fromEntries(labels) },
	};
}

/** `key=value` separated by commas, of which neither has a comma; what was cut, or is no label, is left out. */
function lastingLabels(text: string): [string, string][] {
	const pairs = text.split(',').map((pair): [string, string] => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
	return pairs
		.filter(([key, value]) => !labelKeyProblem(key) && !labelValueProblem(value))
		.filter(([key]) => !CHANGING.test(key) && hiddenUnder(key) === NONE)
		.slice(0, MAX_LABELS);
}

const WRITTEN_PROTOCOLS: readonly (string | null)[] = ['TCP', 'UDP', 'SCTP'];

/** The ports that were asked for, as a rule has them; none where there are too many to list. */
function seenPorts(details: readonly ProblemDetail[]): Fragment[] {
	const ports = distinct(
		details
			.filter(({ protocol, port }) => WRITTEN_PROTOCOLS.includes(protocol) && isPortNumber(port))
			.map(({ protocol, port }) => ({ protocol, port })),
	);
	return ports.length > MAX_PORTS ? [] : ports;
}

/** All ports of a short range, from the clause `TCP 8000-8004`. */
function rangePorts(clause: string | null): Fragment[] | undefined {
	const [, protocol, first, last] = /^(TCP|UDP|SCTP) (\d+)-(\d+)$/.exec(clause ?? '') ?? [];
	const length = Number(last) - Number(first) + 1;
	if (protocol === undefined || !(length <= MAX_PORTS)) return undefined;
	return Array.from({ length }, (_, index) => ({ protocol, port: Number(first) + index }));
}

/** By their JSON, in their order. */
const distinct = (fragments: readonly Fragment[]): Fragment[] => [
	...new Map(fragments.map((fragment) => [JSON.stringify(fragment), fragment])).values(),
];
