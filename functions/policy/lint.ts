import type { CompiledSnapshot } from './compile.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import { CONSTRUCTS } from './constructs.ts';
import { lintDisguises } from './lint/disguise.ts';
import { exampleOf } from './lint/example.ts';
import type { Draft, LintFinding, OtherDraft } from './lint/finding.ts';
import { type Holdings, holdingsOf, podsBeside, somePod, subjectsWhere } from './lint/holdings.ts';
import { isSelected, lintPeers } from './lint/peer.ts';
import { lintPorts } from './lint/port.ts';
import { bounded, effectOf, summaryOf } from './lint/sentence.ts';
import { lintOther, lintOtherNetwork, lintWhole } from './lint/whole.ts';
import type { Direction } from './model.ts';
import { CALICO, DEFAULT_CANDIDATES, type Mask } from './semantics.ts';

/**
 * Every clause of the snapshot's policies that the candidates for Dataplane V2 read differently from `calico`, whether or not an entry has
 * met it yet. The same masks as the runtime's, asked without a log. Pure and total, and always in the same order: by policy, direction,
 * rule, peer, port and construct. A policy that could not be read gives nothing: the catalogue has no construct for it.
 */
export function lintSnapshot(snapshot: CompiledSnapshot, candidates: Mask = DEFAULT_CANDIDATES): readonly LintFinding[] {
	const holdings = holdingsOf(snapshot, candidates);
	const drafts = snapshot.namespaceList.flatMap(({ policies, otherNetworks }) => [
		...policies.flatMap((policy) => lintPolicy(policy, holdings)),
		...otherNetworks.map((policy) => lintOtherNetwork(policy, holdings)),
	]);
	const others = snapshot.others.flatMap((other) => lintOther(other, holdings));
	return [...drafts.map((draft) => finish(draft, holdings)), ...others.map(finishOther)].sort(inOrder);
}

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

function lintPolicy(policy: CompiledPolicy, holdings: Holdings): Draft[] {
	// Rules of a direction that did not count before have lost nothing: `policy-types-overreach` says what is to be said of them.
	const rules = DIRECTIONS.filter((direction) => policy.types[direction] & CALICO).flatMap((direction) => policy[direction]);
	const subjects = subjectsWhere(podsBeside(policy, holdings), ({ end }) => isSelected(policy, end, holdings.candidates));
	const anyone = somePod(holdings.snapshot.namespaces.get(policy.source.namespace));
	const contexts = rules.map((rule) => ({ policy, rule, subjects, anyone, holdings }));
	return [
		...lintWhole(policy, holdings),
		...contexts.flatMap((context) => [...lintPeers(context), ...lintPorts(context)]),
		...lintDisguises(contexts),
	];
}

function finish(draft: Draft, holdings: Holdings): LintFinding {
	const { construct, policy, direction, rule, peer, port, clause, semantics, subjects, detail, witnesses } = draft;
	const example = exampleOf(draft, holdings);
	const where = {
		policyKind: 'NetworkPolicy',
		policyNamespace: policy.source.namespace,
		policyName: policy.source.name,
		...(direction && { direction }),
		...(rule && { rule: rule.index }),
		...(peer !== undefined && { peer }),
		...(port !== undefined && { port }),
		clause: bounded(clause),
	};
	const { count, sample } = subjects;
	const effect = example
		? effectOf(holdings.snapshot, example)
		: witnesses
			? 'no connection of what the cluster holds now was found that it changes'
			: bounded(detail);
	return {
		construct,
		...ofConstruct(construct),
		...where,
		...(rule && { source: rule.source }),
		semantics,
		affected: { count, sample },
		differsNow: example !== undefined,
		...(example && { example }),
		detail: bounded(detail),
		summary: summaryOf(where, { construct, count, effect }),
	};
}

function finishOther({ policy, construct, semantics, affected }: OtherDraft): LintFinding {
	const { kind, namespace, name, apiVersion } = policy;
	const where = {
		policyKind: kind,
		...(namespace !== undefined && { policyNamespace: namespace }),
		policyName: name,
		clause: `${kind} of ${apiVersion}`,
	};
	const detail = `its selector may select ${affected.count === 0 ? 'no Pod' : affected.count === 1 ? '1 Pod' : `${affected.count} Pods`} of the snapshot now`;
	return {
		construct,
		...ofConstruct(construct),
		...where,
		semantics,
		affected,
		// It acts before the move and not after it. What it decides is not evaluated, so there is no example.
		differsNow: affected.count > 0,
		detail,
		summary: summaryOf(where, { construct, count: affected.count, effect: detail }),
	};
}

const ofConstruct = (construct: LintFinding['construct']) => {
	const { severity, sure, suggestion } = CONSTRUCTS[construct];
	return { severity, certainty: sure, suggestion };
};

const DIRECTION_ORDER = { ingress: 0, egress: 1 } as const;

function inOrder(a: LintFinding, b: LintFinding): number {
	const texts = (finding: LintFinding) => [finding.policyNamespace ?? '', finding.policyName, finding.policyKind];
	const numbers = ({ direction, rule = -1, peer = -1, port = -1 }: LintFinding) => [
		direction ? DIRECTION_ORDER[direction] : -1,
		rule,
		peer,
		port,
	];
	return compare(texts(a), texts(b)) || compare(numbers(a), numbers(b)) || compare([a.construct, a.clause], [b.construct, b.clause]);
}

/** The first difference, by code units. */
function compare<T extends string | number>(a: readonly T[], b: readonly T[]): number {
	for (const [index, one] of a.entries()) {
		const other = b[index] as T;
		if (one !== other) return one < other ? -1 : 1;
	}
	return 0;
}
