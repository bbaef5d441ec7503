import type { LabelRequirement, LabelSelector, PodState } from '../../../functions/policy/model.ts';
import { cluster, labels, policy, rule } from '../cluster.ts';
import { type Decided, EGRESS, EVERY, from, INGRESS, NO_REMOTE, NODES, out, to, WEB } from './scenario.ts';

const expression = (key: string, operator: LabelRequirement['operator'], ...values: string[]): LabelSelector => ({
	matchLabels: {},
	matchExpressions: [{ key, operator, values }],
});
const HASH = 'pod-template-hash';
const hashed: readonly PodState[] = cluster().state.pods.map((each) => ({ ...each, labels: { ...each.labels, [HASH]: 'a1' } }));
const LABEL_SENTENCE = 'the label is no part of a Pod’s identity on Dataplane V2, so selectors treat every Pod as if it did not have it';
const LABEL_ADVICE = 'Select by a label of your own, such as app.kubernetes.io/name.';
const TYPES_SENTENCE =
	'Dataplane V2 enforces rules in a direction that policyTypes leaves out, isolation included; Kubernetes and Calico ignore them';
const TYPES_ADVICE = 'Delete those rules, or name their direction in policyTypes.';

export const SELECTORS: readonly Decided[] = [
	{
		name: 'rules of an unlisted direction that isolate',
		construct: 'policy-types-overreach',
		state: { policies: [out({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 443 }] })] })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'overreach',
		piece: { role: 'isolates', clause: 'policyTypes without Ingress' },
		under: EVERY,
		sentence: `Denied only since the move: ${WEB}. Before, nothing isolated default/web for ingress. Policy default/p isolates the Pod (policyTypes without Ingress): ${TYPES_SENTENCE}. ${TYPES_ADVICE}`,
	},
	{
		name: 'rules of an unlisted direction that admit',
		construct: 'policy-types-overreach',
		state: { policies: [policy({ egress: [rule()] }), out({ name: 'deny' })] },
		disposition: 'allow',
		flow: EGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, clause: 'policyTypes without Egress' },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Egress rule 0 of default/p opens it (policyTypes without Egress): ${TYPES_SENTENCE}. ${TYPES_ADVICE}`,
	},
	{
		name: 'a peer by a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, ...from({ podSelector: labels({ [HASH]: 'a1' }) }) },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, clause: `podSelector ${HASH}=a1` },
		under: EVERY,
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (peer 0, podSelector ${HASH}=a1), but ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a peer by the absence of a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, ...from({ podSelector: expression(HASH, 'NotIn', 'a1') }) },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, peer: 0, clause: `podSelector ${HASH} NotIn (a1)` },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Ingress rule 0 of default/p opens it (peer 0, podSelector ${HASH} NotIn (a1)): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a subject by a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, policies: [policy({ podSelector: labels({ [HASH]: 'a1' }) })] },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', clause: 'podSelector' },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Policy default/p no longer isolates the Pod (podSelector): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a subject by the absence of a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, policies: [policy({ podSelector: expression(HASH, 'NotIn', 'a1') })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'overreach',
		piece: { role: 'isolates', clause: 'podSelector' },
		under: EVERY,
		sentence: `Denied only since the move: ${WEB}. Before, nothing isolated default/web for ingress. Policy default/p isolates the Pod (podSelector): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a namespaceSelector that only excludes',
		construct: 'negative-namespace-selector',
		state: from({ namespaceSelector: expression('team', 'DoesNotExist') }),
		disposition: 'allow',
		flow: { ...INGRESS, source: { ip: '203.0.113.7' } },
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, peer: 0, clause: 'namespaceSelector team DoesNotExist' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence:
			'Open only since the move: 203.0.113.7 to default/web on TCP 8080 was denied before. Ingress rule 0 of default/p opens it (peer 0, namespaceSelector team DoesNotExist): a namespaceSelector of nothing but NotIn or DoesNotExist also admits outside addresses and nodes on Dataplane V2 before its newest generation. Add a positive requirement, such as `kubernetes.io/metadata.name` Exists, or a positive podSelector.',
	},
];
