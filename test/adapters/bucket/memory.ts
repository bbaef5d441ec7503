import type { ObjectStore, ReadObject } from '../../../functions/adapters/bucket/objects.ts';
import { ABSENT, type VersionedObjects } from '../../../functions/adapters/bucket/versions.ts';

/** A bucket in memory that is written to and read: objects by name, each with the number of the write that made it. */
export function createMemory() {
	const held = new Map<string, { readonly bytes: Buffer; readonly version: string }>();
	let writes = 0;

	function open(name: string, maxBytes: number): ReadObject {
		const found = held.get(name);
		if (!found) return { kind: 'missing' };
		return found.bytes.length > maxBytes ? { kind: 'too-large' } : { kind: 'ok', bytes: found.bytes };
	}

	const reading: ObjectStore = {
		read: async (name, maxBytes) => open(name, maxBytes),
		async list(folder, { from }) {
			const names = [...held.keys()].filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
			return names.filter((name) => name >= from).sort();
		},
	};
	const writing: VersionedObjects = {
		read: async (name, maxBytes) => ({ object: open(name, maxBytes), version: held.get(name)?.version ?? ABSENT }),
		async write(name, { bytes, version }) {
			if ((held.get(name)?.version ?? ABSENT) !== version) return { kind: 'conflict', doubtful: false };
			writes++;
			held.set(name, { bytes: Buffer.from(bytes), version: String(writes) });
			return { kind: 'stored', version: String(writes) };
		},
	};
	return { held, reading, writing, names: () => [...held.keys()].sort() };
}
