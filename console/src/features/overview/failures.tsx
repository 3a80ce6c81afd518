import { Link } from "@tanstack/react-router";
import { Section } from "../../parts/page.tsx";
import { Count } from "../../parts/values.tsx";
import type { Step } from "./calls.tsx";
import { type Range, RANGES } from "./queries.ts";

/** Failures by the word of their error, the most frequent first; each leads to its invocations. */
export function Failures(
  { steps, range }: { readonly steps: readonly Step[]; readonly range: Range },
) {
  const totals = new Map<string, number>();
  for (const { failures } of steps) {
    for (const [word, count] of Object.entries(failures)) {
      totals.set(word, (totals.get(word) ?? 0) + count);
    }
  }
  const words = [...totals].sort(([, a], [, b]) => b - a);
  return (
    <Section title="Failures by error code">
      {words.length === 0
        ? <p className="muted">No calls failed in the last {RANGES[range].label}.</p>
        : (
          <ul className="overview-list">
            {words.map(([word, count]) => (
              <li key={word}>
                <Link to="/invocations" search={{ word, since: range }} className="mono">
                  {word}
                </Link>
                <Count value={count} />
              </li>
            ))}
          </ul>
        )}
    </Section>
  );
}
