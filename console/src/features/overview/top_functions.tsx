import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { parseDuration } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { Loaded, Loading } from "../../parts/states.tsx";
import { Duration, Name } from "../../parts/values.tsx";
import { type Order, type Range, topQuery } from "./queries.ts";

/** The functions with the most of something. */
export function TopFunctions(
  { title, range, order }: {
    readonly title: string;
    readonly range: Range;
    readonly order: Order;
  },
) {
  const query = useQuery(topQuery(range, order));
  return (
    <Section title={title}>
      <Loaded query={query} loading={<Loading rows={3} />}>
        {(functions) => (
          <ul className="overview-list">
            {functions.map((fn) => (
              <li key={fn.functionId}>
                <Link to="/functions/$functionId" params={{ functionId: fn.functionId }}>
                  <Name value={fn.displayName} />
                </Link>
                <Duration
                  ms={parseDuration(order === "STATISTICS_ORDER_P99" ? fn.p99 : fn.cpuTime)}
                />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}
