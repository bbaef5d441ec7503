import { readFileSync } from 'node:fs';
import { createReducer, type Origin, type Reduced } from '../../functions/snapshot/objects.ts';

/** Builders of raw Kubernetes objects for the tests of the reduction. */

export const fixture = (name: string): unknown =>
	JSON.parse(readFileSync(new URL(`../fixtures/kubernetes/lists/${name}.json`, import.meta.url), 'utf8'));

export const pod = (name: string, more: { metadata?: object; spec?: object; status?: object } = {}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name, namespace: 'shop', ...more.metadata },
	spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...more.spec },
	status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], ...more.status },
});

export const policy = (name: string, spec: object = {}, metadata: object = {}) => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name, namespace: 'shop', ...metadata },
	spec,
});

export const object = (apiVersion: string, kind: string, more: object = {}) => ({ apiVersion, kind, metadata: { name: 'x' }, ...more });

/** Reduces documents that come from one file, `objects.yaml`. */
export function reduce(documents: readonly unknown[], origin: Omit<Origin, 'file'> = {}): Reduced {
	const reducer = createReducer();
	for (const document of documents) reducer.add(document, { file: 'objects.yaml', ...origin });
	return reducer.finish();
}

export const messages = (list: readonly { message: string }[]): string[] => list.map(({ message }) => message);
