import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Section } from "../../parts/page.tsx";
import { Loaded, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/values.tsx";
import { alertsQuery } from "./queries.ts";

type Alert = Schemas["invoked.Alert"];

/** The alerts that fire, and whether they reach their receiver. */
export function Alerts() {
  const query = useQuery(alertsQuery);
  return (
    <Section title="Alerts">
      <Loaded query={query} loading={<Loading rows={1} />}>
        {({ list, failing }) => (
          <>
            {failing === undefined ? null : (
              <p role="status">
                <Badge tone="bad">Not posted</Badge> Alerts have not been posted since{" "}
                <Time value={failing.since} />: {failing.error}
              </p>
            )}
            {list.length === 0
              ? <p className="muted">No alert fires.</p>
              : (
                <ul className="overview-list">
                  {list.map((alert) => (
                    <li key={alert.id}>
                      <span>
                        <Badge tone="bad">{alert.severity}</Badge> <Summary {...alert} />
                      </span>
                      <Time value={alert.startsAt} />
                    </li>
                  ))}
                </ul>
              )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

/** What the alert says, which leads to the page about the alert unless that is this page. */
function Summary({ summary, functionId, page }: Alert) {
  if (functionId !== undefined) {
    return <Link to="/functions/$functionId" params={{ functionId }}>{summary}</Link>;
  }
  return page === "/dead-letters" ? <Link to="/dead-letters">{summary}</Link> : <>{summary}</>;
}
