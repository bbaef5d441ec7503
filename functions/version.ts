import manifest from '../package.json' with { type: 'json' };
import { DEFAULT_CANDIDATES, idsOf, type Mask } from './policy/semantics.ts';

/** The package's version. */
export const VERSION: string = manifest.version;

/** The column `engine_version`: the package's version, followed by `+` and the candidates where they are not the default. */
export const engineVersion = (candidates: Mask): string =>
	candidates === DEFAULT_CANDIDATES ? VERSION : `${VERSION}+${idsOf(candidates).join(',')}`;
