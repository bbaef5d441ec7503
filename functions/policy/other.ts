import { type LabelPredicate, parseCalicoSelector } from './calico.ts';
import type { Fields } from './fields.ts';
import { asList, asObject, asText } from './loose.ts';
import type { Direction, Labels, OtherPolicy } from './model.ts';
import { ANY_PORT, calicoPorts, clusterWidePorts, filterPorts, type PortFilter } from './other-port.ts';
import { CALICO, CILIUM, type Mask } from './semantics.ts';

/**
 * Policies of other kinds are not evaluated; but whom they concern, in which direction, and whether they could admit or deny a port can be
 * told, and so whether one of them may decide a flow.
 */
export interface OtherEffects {
	readonly policy: OtherPolicy;
	/**
	 * The semantics that it acts under. A kind that only Dataplane V2 knows counts for `calico` too: what it isolates is no
	 * consequence of the move. Calico's own kinds act before the move only.
	 */
	readonly acts: Mask;
	/** Whether it selects the Pod: `maybe` where its selector is beyond what is read here. */
	selects(pod: Labels, namespace: { readonly name: string; readonly labels: Labels }): boolean | 'maybe';
	readonly ingress: DirectionEffects;
	readonly egress: DirectionEffects;
}

export interface DirectionEffects {
	/** It isolates whom it selects. */
	readonly isolates: boolean;
	/** The ports that it may admit or deny. */
	readonly admits: readonly PortFilter[];
	readonly denies: readonly PortFilter[];
	/** It can admit addresses outside the cluster only (FQDN). */
	readonly outsideOnly: boolean;
}

const NOTHING: DirectionEffects = { isolates: false, admits: [], denies: [], outsideOnly: false };
const DATAPLANE_V2: Mask = CALICO | CILIUM;

/** What each policy of another kind may do. Kinds that decide nothing (tiers, sets) are left out; nothing in a spec makes this throw. */
export const compileOthers = (policies: readonly OtherPolicy[]): OtherEffects[] => policies.flatMap(compileOther);

function compileOther(policy: OtherPolicy): OtherEffects[] {
	if (policy.spec === null) return DECIDES_NOTHING.has(policy.kind) ? [] : [unreadable(policy)];
	const spec = asObject(policy.spec);
	switch (policy.kind) {
		case 'FQDNNetworkPolicy':
			return [fqdn(policy, spec)];
		case 'CiliumNetworkPolicy':
		case 'CiliumClusterwideNetworkPolicy':
			// A policy may have several specs. One with a nodeSelector instead concerns nodes, never Pods.
			return (Array.isArray(policy.spec) ? policy.spec : [spec])
				.map(asObject)
				.filter((rule) => 'endpointSelector' in rule)
				.map((rule) => cilium(policy, rule));
		case 'ClusterNetworkPolicy':
		case 'AdminNetworkPolicy':
		case 'BaselineAdminNetworkPolicy':
			return [clusterWide(policy, spec)];
		case 'NetworkPolicy':
		case 'GlobalNetworkPolicy':
			return policy.apiVersion.includes('projectcalico.org') ? [calico(policy, spec)] : [];
		default:
			return [];
	}
}

const DECIDES_NOTHING = new Set(['Tier', 'NetworkSet', 'GlobalNetworkSet']);

/** Whether objects of a kind that could not be listed might decide a flow. What is logged does not. */
export const mayDecide = (unreadableKind: string): boolean => !/^NetworkLogging(\.|$)/.test(unreadableKind);

const ANYTHING: DirectionEffects = { isolates: true, admits: ANY_PORT, denies: ANY_PORT, outsideOnly: false };

/** A policy whose spec could not be read may do anything to any Pod of its namespace. */
const unreadable = (policy: OtherPolicy): OtherEffects => ({
	policy,
	acts: policy.apiVersion.includes('projectcalico.org') ? CALICO : DATAPLANE_V2,
	selects: (_, namespace) => (policy.namespace === undefined || policy.namespace === namespace.name ? 'maybe' : false),
	ingress: ANYTHING,
	egress: ANYTHING,
});

function fqdn(policy: OtherPolicy, spec: Fields): OtherEffects {
	const admits = asList(spec['egress']).flatMap((rule) => filterPorts(asList(asObject(rule)['ports'])));
	return {
		policy,
		acts: DATAPLANE_V2,
		selects: (pod, namespace) => namespace.name === policy.namespace && matches(spec['podSelector'], pod),
		ingress: NOTHING,
		egress: { isolates: true, admits, denies: [], outsideOnly: true },
	};
}

function cilium(policy: OtherPolicy, rule: Fields): OtherEffects {
	const defaultDeny = asObject(rule['enableDefaultDeny']);
	const effects = (direction: Direction): DirectionEffects => {
		const admits = asList(rule[direction]);
		const denies = asList(rule[`${direction}Deny`]);
		const filters = (rules: readonly unknown[]) => rules.flatMap((each) => toPorts(asList(asObject(each)['toPorts'])));
		return {
			// Default deny holds in a direction that has rules, unless enableDefaultDeny says otherwise.
			isolates: admits.length + denies.length > 0 && defaultDeny[direction] !== false,
			admits: filters(admits),
			denies: filters(denies),
			outsideOnly: false,
		};
	};
	return {
		policy,
		acts: DATAPLANE_V2,
		selects: (pod, namespace) =>
			policy.namespace !== undefined && policy.namespace !== namespace.name
				? false
				: matchesEndpoint(rule['endpointSelector'], pod, namespace),
		ingress: effects('ingress'),
		egress: effects('egress'),
	};
}

const toPorts = (entries: readonly unknown[]): readonly PortFilter[] =>
	entries.length === 0 ? ANY_PORT : entries.flatMap((entry) => filterPorts(asList(asObject(entry)['ports'])));

/** AdminNetworkPolicy and its successors neither isolate nor are they namespaced; their rules accept or deny by name. */
function clusterWide(policy: OtherPolicy, spec: Fields): OtherEffects {
	const subject = asObject(spec['subject']);
	const pods = asObject(subject['pods']);
	const effects = (direction: Direction): DirectionEffects => {
		const rules = asList(spec[direction]).map(asObject);
		const filters = (...actions: string[]) =>
			rules.filter(({ action }) => actions.includes(asText(action) ?? '')).flatMap(clusterWidePorts);
		return { isolates: false, admits: filters('Allow', 'Accept'), denies: filters('Deny'), outsideOnly: false };
	};
	return {
		policy,
		acts: DATAPLANE_V2,
		selects: (pod, namespace) =>
			'namespaces' in subject
				? matches(subject['namespaces'], namespace.labels)
				: matches(pods['namespaceSelector'], namespace.labels) && matches(pods['podSelector'], pod),
		ingress: effects('ingress'),
		egress: effects('egress'),
	};
}

function calico(policy: OtherPolicy, spec: Fields): OtherEffects {
	const selector = readCalicoSelector(spec['selector']);
	const namespaces = readCalicoSelector(spec['namespaceSelector']);
	const limited = 'serviceAccountSelector' in spec;
	const types = asList(spec['types']);
	const rulesOf = (direction: Direction) => asList(spec[direction]).map(asObject);
	// "types … defaults: Ingress where there are ingress rules or no rules at all, Egress where there are egress rules."
	const has = (direction: Direction) =>
		types.length > 0
			? types.some((type) => asText(type)?.toLowerCase() === direction)
			: rulesOf(direction).length > 0 || (direction === 'ingress' && rulesOf('egress').length === 0);
	const effects = (direction: Direction): DirectionEffects => {
		const filters = (wanted: string) =>
			rulesOf(direction)
				.filter(({ action }) => action === wanted)
				.flatMap(calicoPorts);
		return { isolates: has(direction), admits: filters('Allow'), denies: filters('Deny'), outsideOnly: false };
	};
	return {
		policy,
		acts: CALICO,
		selects: (pod, namespace) => {
			if (policy.kind === 'NetworkPolicy' && policy.namespace !== namespace.name) return false;
			return (
				calicoSelects(selector, ofWorkload(pod, namespace.name)) &&
				calicoSelects(namespaces, ofNamespace(namespace.labels, namespace.name)) &&
				(limited || !selector || !namespaces ? 'maybe' : true)
			);
		},
		ingress: effects('ingress'),
		egress: effects('egress'),
	};
}

/** Calico gives workloads labels of their service account, and those of it and of the namespace with a prefix: those are not known here. */
const readCalicoSelector = (value: unknown): LabelPredicate | undefined => {
	const text = asText(value) ?? '';
	return /projectcalico\.org\/serviceaccount|\bpc(sa|ns)\./.test(text) ? undefined : parseCalicoSelector(text);
};

const calicoSelects = (predicate: LabelPredicate | undefined, labels: Labels): boolean => predicate?.(labels) ?? true;
const ofWorkload = (labels: Labels, namespace: string): Labels => ({
	...labels,
	'projectcalico.org/namespace': namespace,
	'projectcalico.org/orchestrator': 'k8s',
});
const ofNamespace = (labels: Labels, name: string): Labels => ({ ...labels, 'projectcalico.org/name': name });

/** A LabelSelector over plain labels; absent selects everything. */
function matches(selector: unknown, labels: Labels): boolean {
	const { matchLabels, matchExpressions } = asObject(selector);
	const own = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
	return (
		Object.entries(asObject(matchLabels)).every(([key, value]) => own(key) === value) &&
		asList(matchExpressions).every((each) => {
			const { key, operator, values } = asObject(each);
			const label = own(asText(key) ?? '');
			const listed = asList(values).includes(label);
			return operator === 'In' ? listed : operator === 'NotIn' ? !listed : (label !== undefined) === (operator === 'Exists');
		})
	);
}

const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
const NAMESPACE_LABELS = 'io.cilium.k8s.namespace.labels.';

/** Labels that Cilium gives to endpoints and a snapshot does not hold: the service account, the cluster, and the reserved ones. */
const UNKNOWN_LABEL = /^(reserved($|[:.])|io\.cilium\.k8s\.policy\.)/;

/** Cilium's endpointSelector: label keys may have a source (`k8s:`, `any:`), and the namespace counts as labels. */
function matchesEndpoint(selector: unknown, pod: Labels, { name, labels }: { name: string; labels: Labels }): boolean | 'maybe' {
	const { matchLabels, matchExpressions } = asObject(selector);
	const bare = (key: string) => key.replace(/^(k8s|any):/, '');
	const expressions = asList(matchExpressions).map((each) => ({ ...asObject(each), key: bare(asText(asObject(each)['key']) ?? '') }));
	const plain = Object.fromEntries(Object.entries(asObject(matchLabels)).map(([key, value]) => [bare(key), value]));
	if ([...Object.keys(plain), ...expressions.map(({ key }) => key)].some((key) => UNKNOWN_LABEL.test(key))) return 'maybe';
	const ofNamespace = Object.entries(labels).map(([key, value]): [string, string] => [`${NAMESPACE_LABELS}${key}`, value]);
	return matches(
		{ matchLabels: plain, matchExpressions: expressions },
		{ ...pod, ...Object.fromEntries(ofNamespace), [POD_NAMESPACE]: name },
	);
}
