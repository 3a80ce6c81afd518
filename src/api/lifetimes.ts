/** How long a new credential lives, in requests. */
import { formatDuration } from "../config/mod.ts";
import { CREDENTIAL_LIFETIME } from "../resources/principals.ts";
import { durationIn } from "./primitives.ts";

const { min, max } = CREDENTIAL_LIFETIME;

export const lifetimeIn = durationIn.refine((ms) => ms >= min && ms <= max, {
  error: ({ input }) =>
    `${formatDuration(Number(input))} is not between ${formatDuration(min)} and ${
      formatDuration(max)
    }`,
});
