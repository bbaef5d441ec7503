import type { LabelSelector, PolicyPeer, PolicyPort } from './model.ts';

/** A peer as a person would say it: `ipBlock 10.0.0.0/8 except 10.1.0.0/16`, `podSelector app=web in namespaceSelector team=a`. */
export function describePeer({ ipBlock, podSelector, namespaceSelector }: PolicyPeer): string {
	if (ipBlock) return `ipBlock ${ipBlock.cidr}${ipBlock.except.length > 0 ? ` except ${ipBlock.except.join(', ')}` : ''}`;
	const parts = [
		podSelector && `podSelector ${describeSelector(podSelector)}`,
		namespaceSelector && `namespaceSelector ${describeSelector(namespaceSelector)}`,
	];
	return parts.filter((part) => part !== undefined).join(' in ');
}

/** `TCP 8080`, `TCP 8000-8100`, `UDP dns`, `TCP without a port`. */
export function describePort({ protocol, port, endPort }: PolicyPort): string {
	if (port === undefined) return `${protocol} without a port`;
	return `${protocol} ${endPort === undefined ? port : `${port}-${endPort}`}`;
}

/** `app=web, tier In (a, b)`; `{}` for everything. */
export function describeSelector({ matchLabels, matchExpressions }: LabelSelector): string {
	const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
	const expressions = matchExpressions.map(({ key, operator, values }) =>
		values.length > 0 ? `${key} ${operator} (${values.join(', ')})` : `${key} ${operator}`,
	);
	return [...labels, ...expressions].join(', ') || '{}';
}
