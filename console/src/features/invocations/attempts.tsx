import { Section } from "../../parts/page.tsx";
import { AttemptsTable } from "../../parts/attempts_table.tsx";
import type { WholeInvocation } from "./queries.ts";

/** Each start of a call that may start several times. */
export function Attempts({ invocation }: { readonly invocation: WholeInvocation }) {
  const { attempts = [], maxAttempts } = invocation;
  if (attempts.length === 0) return null;
  return (
    <Section
      title="Attempts"
      actions={maxAttempts === undefined
        ? undefined
        : <span className="muted">{attempts.length} of {maxAttempts}</span>}
    >
      <AttemptsTable attempts={attempts} />
    </Section>
  );
}
