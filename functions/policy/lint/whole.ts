import type { CompiledPolicy } from '../compiled-policy.ts';
import { describePort, describeSelector } from '../describe.ts';
import type { Direction } from '../model.ts';
import type { OtherEffects } from '../other.ts';
import { matchMask } from '../selector.ts';
import { ALL, CALICO, CILIUM, CILIUM_FROM_1_14, type Mask, NONE } from '../semantics.ts';
import { some } from '../wording.ts';
import { ANY_PORT, peersOf, portsOf } from './example.ts';
import type { Affected, Draft, OtherDraft, Witnesses } from './finding.ts';
import { departing, type Held, type Holdings, podsBeside, subjectsWhere } from './holdings.ts';
import { hiddenKeys, lossText, unevenUnder } from './peer.ts';

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** What of a policy as a whole means something else: that it is accepted, whom it selects, its directions, its name in the log. */
export const lintWhole = (policy: CompiledPolicy, holdings: Holdings): Draft[] => [
	...lintSctp(policy, holdings),
	...lintSubjects(policy, holdings),
	...DIRECTIONS.flatMap((direction) => lintTypes(policy, direction, holdings)),
	...lintName(policy, holdings),
];

const selectedBy = (policy: CompiledPolicy, holdings: Holdings, among: Mask = ALL) =>
	subjectsWhere(
		podsBeside(policy, holdings),
		({ end }) => (matchMask(policy.subjects, end.labelSet) & among & (CALICO | holdings.candidates)) !== NONE,
	);

/** More rules of a direction give no more witnesses. */
const MOST_RULES = 50;

/** What its rules speak of, and then anything. */
function witnessesOf(policy: CompiledPolicy, directions: readonly Direction[], holdings: Holdings): Witnesses {
	const rules = directions.flatMap((direction) => policy[direction].slice(0, MOST_RULES));
	const spoken = rules.flatMap((rule) => peersOf(rule, policy.source.namespace, holdings).slice(0, 6));
	const beside = podsBeside(policy, holdings).slice(0, 4);
	const others = holdings.identities
		.slice(0, 12)
		.flatMap((held) => held.slice(0, 1))
		.filter(({ finished }) => !finished);
	const ports = [...ANY_PORT.slice(0, 2), ...rules.flatMap((rule) => portsOf(rule, holdings).slice(0, 3)), ...ANY_PORT.slice(2)];
	const peers = [...holdings.outside.slice(0, 1), ...spoken, ...beside, ...others.slice(0, 6)];
	return { peers: [...new Set(peers)].slice(0, 16), ports };
}

function lintSctp(policy: CompiledPolicy, holdings: Holdings): Draft[] {
	const semantics = departing(policy.accepted, holdings.candidates);
	if (semantics === NONE) return [];
	const entries = DIRECTIONS.flatMap((direction) =>
		policy.source[direction].flatMap(({ ports }, index) =>
			ports
				.filter(({ protocol }) => protocol === 'SCTP')
				.map((port) => ({ text: describePort(port), where: `${direction} rule ${index}` })),
		),
	);
	const clause = [...new Set(entries.map(({ text }) => text))].sort().join(', ');
	const places = [...new Set(entries.map(({ where }) => where))];
	const detail = `SCTP stands in ${some(places, places.length)}`;
	const construct = 'sctp-rejected';
	return [
		{
			policy,
			construct,
			clause,
			semantics,
			detail,
			subjects: selectedBy(policy, holdings),
			witnesses: witnessesOf(policy, DIRECTIONS, holdings),
		},
	];
}

function lintSubjects(policy: CompiledPolicy, holdings: Holdings): Draft[] {
	const { candidates } = holdings;
	const semantics = unevenUnder(policy.subjects, candidates);
	if (semantics === NONE) return [];
	const { podSelector } = policy.source;
	const maskOf = ({ end }: Held) => matchMask(policy.subjects, end.labelSet);
	const differ = podsBeside(policy, holdings).filter((held) => departing(maskOf(held), candidates));
	const [lost, gained] = [true, false].map((before) => differ.filter((held) => ((maskOf(held) & CALICO) !== NONE) === before)) as [
		Held[],
		Held[],
	];
	const keys = hiddenKeys([...Object.keys(podSelector.matchLabels), ...podSelector.matchExpressions.map(({ key }) => key)], candidates);
	return [
		{
			policy,
			construct: 'label-not-identity',
			clause: `podSelector ${describeSelector(podSelector)}`,
			semantics,
			subjects: subjectsWhere(differ, () => true),
			detail: `${keys} not seen: the policy ${lossText(lost, gained)}`,
			witnesses: witnessesOf(policy, DIRECTIONS, holdings),
		},
	];
}

function lintTypes(policy: CompiledPolicy, direction: Direction, holdings: Holdings): Draft[] {
	const semantics = departing(policy.types[direction], holdings.candidates);
	if (semantics === NONE) return [];
	const rules = policy[direction].length;
	return [
		{
			policy,
			direction,
			construct: 'policy-types-overreach',
			clause: `policyTypes without ${direction === 'ingress' ? 'Ingress' : 'Egress'}`,
			semantics,
			subjects: selectedBy(policy, holdings, CILIUM),
			detail: `${rules} ${direction} ${rules === 1 ? 'rule begins' : 'rules begin'} to isolate and to admit`,
			witnesses: witnessesOf(policy, [direction], holdings),
		},
	];
}

/** Its name in the log is another one: "`policy.cilium.io/name` is read from 1.14 on, `io.cilium.name` by all". */
function lintName(policy: CompiledPolicy, holdings: Holdings): Draft[] {
	const { annotations = {}, name } = policy.source;
	const read = [['policy.cilium.io/name', CILIUM_FROM_1_14] as const, ['io.cilium.name', CILIUM] as const];
	const others = read.filter(([key]) => annotations[key] !== undefined && annotations[key] !== name);
	const semantics = others.reduce((all, [, mask]) => all | (mask & holdings.candidates), NONE);
	if (semantics === NONE) return [];
	const clause = others.map(([key]) => `${key}: ${annotations[key]}`).join(', ');
	const names = [...new Set(others.map(([key]) => `${policy.source.namespace}/${annotations[key]}`))].join(' or ');
	const detail = `log entries name it ${names}; no verdict depends on that`;
	return [{ policy, construct: 'renamed-in-logs', clause, semantics, subjects: selectedBy(policy, holdings), detail }];
}

/** A policy for an additional network's interfaces: it says nothing about the default network, so its clauses are not looked at. */
export const lintOtherNetwork = (policy: CompiledPolicy, holdings: Holdings): Draft => ({
	policy,
	construct: 'multi-network',
	clause: `networking.gke.io/network: ${policy.source.annotations?.['networking.gke.io/network']}`,
	semantics: NONE,
	subjects: selectedBy(policy, holdings),
	detail: 'nothing of it was judged for the default network',
});

/** Calico's own kinds, which act before the move only. */
export function lintOther({ policy, acts, selects }: OtherEffects, { snapshot, labelled, candidates }: Holdings): OtherDraft[] {
	if (acts !== CALICO) return [];
	const selected: string[] = [];
	for (const namespace of snapshot.namespaceList) {
		if (policy.namespace !== undefined && policy.namespace !== namespace.name) continue;
		// Pods of one template have equal labels.
		for (const held of labelled.get(namespace.name) ?? [])
			if (selects(held[0]?.end.endpoint.pod?.labels ?? {}, namespace)) for (const { id } of held) selected.push(id);
	}
	const affected: Affected = { count: selected.length, sample: selected.sort().slice(0, 5) };
	return [{ policy, construct: 'calico-crd', semantics: candidates, affected }];
}
