import { arch, cpus, platform, totalmem } from 'node:os';

/** How much a benchmark does. */
export interface Sizes {
	readonly flows: number;
	readonly repeats: number;
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Where figures were measured: they mean nothing without it. */
export const hardware = () => ({
	cpu: cpus()[0]?.model ?? 'unknown',
	cores: cpus().length,
	memoryGb: Math.round(totalmem() / 2 ** 30),
	platform: `${platform()} ${arch()}`,
	node: process.version,
	v8: process.versions.v8,
});
