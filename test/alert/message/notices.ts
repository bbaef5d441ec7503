/** The notices that the goldens show, each with what it is rendered with. */
import type { Alert, Notice, Rendering } from '../../../functions/alert/alert.ts';
import { groupOf } from '../../../functions/alert/group.ts';
import { CONSTRUCTS, type ConstructId } from '../../../functions/policy/constructs.ts';
import type { PodState } from '../../../functions/policy/model.ts';
import type { AlertState } from '../../../functions/ports.ts';
import { block, policy, rule } from '../../policy/cluster.ts';
import { DECIDED } from '../../policy/scenarios.ts';
import { type Judged, judgeProblem, PROD } from './judged.ts';

export interface Golden {
	readonly name: string;
	readonly notice: Notice;
	readonly rendering: Rendering;
	/** What decides, where a rule or a policy does: all of it has to be in the message. */
	readonly says: readonly string[];
}

export const renderingOf = (judged: readonly Judged[], tweaks: Partial<Rendering> = {}): Rendering => ({
	details: new Map(judged.map(({ detail }) => [detail.fingerprint, detail])),
	dataset: 'shop-prod.policy_audit',
	constructsUrl: 'https://github.com/example/policy-action-audit/blob/main/docs/constructs.md',
	counts: () => ({ contradicted: 0, 'late-reply': 0 }),
	...tweaks,
});

export function alertOf(judged: readonly Judged[], tweaks: Partial<Alert> = {}): Alert {
	const problems = judged.map(({ problem }) => problem).sort((a, b) => (b.packets ?? 0) - (a.packets ?? 0));
	const [first] = problems;
	if (!first) throw new Error('an alert has a problem');
	return {
		id: 'alert-1',
		state: 'firing',
		group: groupOf(first),
		problems,
		known: 0,
		firstSeen: problems.map(({ firstSeen }) => firstSeen).sort()[0] as string,
		lastSeen: problems
			.map(({ lastSeen }) => lastSeen)
			.sort()
			.at(-1) as string,
		...tweaks,
	};
}

interface Told {
	readonly alert?: Partial<Alert>;
	readonly rendering?: Partial<Rendering>;
}

/** What a message must say of what decides; the rule and the clause, where there is a detail that says which. */
function saysOf({ state, group }: Alert, judged: Judged | undefined): string[] {
	if (state === 'resolved' || group.counted) return [group.counted ? group.cluster.name : (group.policy ?? group.direction)];
	const { rule: index = null, clause = null, direction } = judged?.detail ?? {};
	const decides = [group.policy, group.construct, index === null ? undefined : `${direction} rule ${index}`, clause ?? undefined];
	return [group.finding, ...decides.filter((word) => word !== undefined)];
}

const golden = (name: string, judged: readonly Judged[], { alert, rendering }: Told = {}): Golden => {
	const told = alertOf(judged, alert);
	return {
		name,
		notice: { id: 'message-1', kind: 'alert', alert: told },
		rendering: renderingOf(judged, rendering),
		says: saysOf(told, rendering?.details?.size === 0 ? undefined : judged[0]),
	};
};

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');

/** Each way in which a construct decides. */
const decided: readonly Golden[] = DECIDED.map((scenario) =>
	golden(`${scenario.construct}-${slug(scenario.name)}`, [judgeProblem(scenario)]),
);

/** Constructs that the linter finds and no entry is ever flagged by; nor would an engine that did find them be met without words. */
const NEVER_DECIDE: readonly ConstructId[] = ['ipblock-service', 'calico-crd', 'renamed-in-logs', 'multi-network'];

function relabelled(construct: ConstructId): Judged {
	const { problem, detail } = threeClients()[0] as Judged;
	const fingerprint = problem.fingerprint.replace('|ipblock-pod|', `|${construct}|`);
	const { explanation, suggestion } = CONSTRUCTS['ipblock-pod'];
	const own = CONSTRUCTS[construct];
	const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
	const summary = detail.summary.replace(explanation, own.explanation).replace(capital(suggestion), capital(own.suggestion));
	return { problem: { ...problem, fingerprint }, detail: { ...detail, fingerprint, construct, summary } };
}

const pod = (namespace: string, name: string, ip: string, labels: PodState['labels']): PodState => {
	const [workload] = name.split('-');
	return { namespace, name, labels, ips: [ip], node: 'n1', owner: { kind: 'Deployment', name: workload as string } };
};

const SHOP: readonly PodState[] = [
	pod('shop', 'checkout-7c9f6b8d5-x2x4p', '10.32.1.7', { app: 'checkout', tier: 'backend', 'pod-template-hash': '7c9f6b8d5' }),
	pod('shop', 'cart-5d4c7f9b6c-kq8zn', '10.32.1.3', { app: 'cart', 'pod-template-hash': '5d4c7f9b6c' }),
	pod('shop', 'web-6b7d9c5f44-9tq2d', '10.32.2.4', { app: 'web', 'app.kubernetes.io/version': '1.4.2' }),
	pod('reports', 'nightly-84b6c9d7f5-mm7wr', '10.32.2.9', { app: 'nightly' }),
];
const SHOP_STATE = {
	pods: SHOP,
	namespaces: ['shop', 'reports'].map((name) => ({ name, labels: { 'kubernetes.io/metadata.name': name } })),
	policies: [
		policy({
			namespace: 'shop',
			name: 'checkout',
			ingress: [
				rule({ ports: [{ protocol: 'TCP', port: 9090 }] }),
				rule({ peers: [block('10.32.0.0/14')], ports: [{ protocol: 'TCP', port: 8443 }] }),
			],
		}),
	],
};

/** Three workloads that one rule let in by their addresses. */
export const threeClients = (): Judged[] =>
	(
		[
			['shop', 'cart-5d4c7f9b6c-kq8zn', 4_812, 311, 6, '2026-03-04T14:31:05Z'],
			['shop', 'web-6b7d9c5f44-9tq2d', 1_270, 96, 3, '2026-03-04T14:30:41Z'],
			['reports', 'nightly-84b6c9d7f5-mm7wr', 18, 2, 1, '2026-03-04T14:15:00Z'],
		] as const
	).map(([namespace, name, packets, entries, sources, lastSeen]) =>
		judgeProblem({
			state: SHOP_STATE,
			disposition: 'deny',
			flow: {
				source: { pod: { namespace, name } },
				destination: { pod: { namespace: 'shop', name: 'checkout-7c9f6b8d5-x2x4p' } },
				port: 8443,
			},
			tweaks: { packets, entries, sources, lastSeen },
		}),
	);

/** Whatever a name could hold. */
export const WICKED = '<!channel> @here &amp; <https://evil.example|x> ```*_~`:100: \u202e\u0000\n#general \ud800 😀 | "\'\\ $(x)';

const notIsolated = judgeProblem({ state: {}, disposition: 'deny' });
const lateReply = judgeProblem({ state: {}, disposition: 'deny', flow: { sourcePort: 443, port: 40_321 } });
const contradictedDeny = judgeProblem({ state: { policies: [policy({ ingress: [rule()] })] }, disposition: 'deny' });
const contradictedAllow = judgeProblem({ state: { policies: [policy()] }, disposition: 'allow' });

const others: readonly Golden[] = [
	...NEVER_DECIDE.map((construct) => golden(`${construct}-by-hand`, [relabelled(construct)])),
	golden('not-isolated', [notIsolated]),
	golden('three-clients', threeClients()),
	golden('three-clients-counts', threeClients(), { rendering: { counts: () => ({ contradicted: 4, 'late-reply': 1_204 }) } }),
	golden('three-clients-without-details', threeClients(), { rendering: { details: new Map() } }),
	golden('three-clients-without-page', threeClients(), { rendering: { constructsUrl: undefined } }),
	golden('unsettled', [{ ...(threeClients()[0] as Judged), problem: { ...(threeClients()[0] as Judged).problem, unsettled: true } }]),
	golden('update', threeClients().slice(1), { alert: { state: 'update', known: 1, firstSeen: '2026-03-04T13:00:00Z' } }),
	golden('repeat', threeClients(), { alert: { state: 'repeat', firstSeen: '2026-03-03T14:02:00Z' } }),
	golden('resolved-quiet', threeClients(), { alert: { state: 'resolved', resolution: { kind: 'quiet', since: '2026-03-04T14:31:05Z' } } }),
	golden('resolved-fixed', threeClients(), {
		alert: { state: 'resolved', resolution: { kind: 'fixed', policy: 'shop/checkout', at: '2026-03-04T14:32:00Z' } },
		rendering: { details: new Map() },
	}),
	golden('resolved-judged-again', threeClients(), { alert: { state: 'resolved', resolution: { kind: 'judged-again' } } }),
	golden('counted-late-replies', [lateReply]),
	golden('counted-contradicted-denied', [contradictedDeny]),
	golden('counted-contradicted-allowed', [contradictedAllow]),
	golden('many-problems', manyProblems(120)),
	golden('dual-stack-address', [dualStack()]),
	hostile(),
	...bundles(),
	overflow(),
];

function manyProblems(count: number): Judged[] {
	const first = threeClients()[0] as Judged;
	return Array.from({ length: count }, (_, index) => {
		const fingerprint = first.problem.fingerprint.replace('Deployment/cart', `Deployment/cart-${index}`);
		return {
			problem: { ...first.problem, fingerprint, packets: 4_812 - index, entries: 30 },
			detail: { ...first.detail, fingerprint, peerWorkload: `cart-${index}`, peerLabels: `app=cart-${index}` },
		};
	});
}

/** Between whose colons Slack would find `:100:`. */
function dualStack(): Judged {
	const scenario = DECIDED.find(({ construct }) => construct === 'any-cidr-dual-stack');
	if (!scenario) throw new Error('no scenario of two families');
	return judgeProblem({ ...scenario, flow: { ...scenario.flow, source: { ip: '2001:db8:100::7' } } });
}

function hostile(): Golden {
	const { problem, detail } = threeClients()[0] as Judged;
	const long = `${WICKED}${'n'.repeat(253)}`;
	const fingerprint = problem.fingerprint.replace('Deployment/cart', long.replaceAll('|', '%7C'));
	const wicked: Judged = {
		problem: { ...problem, fingerprint },
		detail: {
			...detail,
			fingerprint,
			peerWorkload: long,
			subjectName: WICKED,
			peerLabels: `app=${WICKED}`,
			policyName: long,
			clause: WICKED.repeat(1_000),
			summary: `${WICKED} `.repeat(700),
		},
	};
	const told = golden('hostile', [wicked], { alert: { group: { ...groupOf(wicked.problem), policy: `shop/${long}` } } });
	return { ...told, says: ['ingress rule 1', 'ipblock-pod'] };
}

function rules(count: number, state: AlertState): { alerts: Alert[]; judged: Judged[] } {
	const judged = Array.from({ length: count }, (_, index) => {
		const name = `policy-${String(index).padStart(2, '0')}`;
		return judgeProblem({
			state: { policies: [policy({ name, ingress: [rule({ peers: [block('10.32.0.0/14')] })] })] },
			disposition: 'deny',
			tweaks: { packets: ((index * 37) % 100) * 10 + 1 },
		});
	});
	return { judged, alerts: judged.map((one, index) => alertOf([one], { state, id: `alert-${index}` })) };
}

function bundles(): Golden[] {
	return (['firing', 'update', 'repeat', 'resolved'] as const).map((state) => {
		const { alerts, judged } = rules(87, state);
		return {
			name: `bundle-${state}`,
			notice: { id: 'message-1', kind: 'bundle', cluster: PROD, state, alerts },
			rendering: renderingOf(judged),
			says: ['87 ', 'prod', 'and 67 more', 'ipblock-pod'],
		};
	});
}

function overflow(): Golden {
	const { alerts, judged } = rules(30, 'firing');
	const elsewhere = alerts.slice(0, 10).map((alert): Alert => {
		const key = { location: 'us-central1', name: 'staging' };
		return { ...alert, state: 'resolved', group: { ...alert.group, cluster: key } };
	});
	return {
		name: 'overflow',
		notice: { id: 'message-1', kind: 'overflow', alerts: [...alerts, ...elsewhere] },
		rendering: renderingOf(judged),
		says: ['40 more alerts', '30 firing', '10 over', 'staging'],
	};
}

export const GOLDENS: readonly Golden[] = [...decided, ...others];
