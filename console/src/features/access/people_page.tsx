import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { User } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { ListSearch, NothingFound, PagedTable } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { RoleNames } from "../../shell/identity_fields.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { sessionQuery } from "../../shell/session.ts";
import { peopleQuery } from "./queries.ts";

const COLUMNS: readonly Column<User>[] = [
  {
    header: "Name",
    sortBy: ({ displayName }) => displayName.toLowerCase(),
    cell: ({ id, displayName, status }) => (
      <>
        <Link to="/access/people/$userId" params={{ userId: id }}>
          <Name value={displayName} />
        </Link>{" "}
        {status === "DISABLED" && <Badge tone="warn">Disabled</Badge>}
      </>
    ),
  },
  {
    header: "Email",
    minor: true,
    sortBy: ({ email }) => email.toLowerCase(),
    cell: ({ email }) => email === "" ? <span className="muted">–</span> : <Name value={email} />,
  },
  {
    header: "Roles",
    minor: true,
    cell: ({ roleIds }) => <RoleNames ids={roleIds} none="No role" />,
  },
  timeColumn("Last sign-in", 120, ({ lastSignInAt }) => lastSignInAt, { isSortable: true }),
];

export function PeoplePage() {
  const { q = "" } = useSearch({ from: "/shell/access/people" });
  const query = useInfiniteQuery({ ...peopleQuery(q), placeholderData: keepPreviousData });
  return (
    <PartPage part="Access" title="People">
      <ListSearch page="/access/people" label="Name, email or username" value={q} />
      <PagedTable
        query={query}
        label="People"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={q === ""
          ? <Nobody />
          : <NothingFound page="/access/people" title="Nobody matches" />}
        rowKeys
      />
    </PartPage>
  );
}

function Nobody() {
  const { data: session } = useQuery(sessionQuery);
  return (
    <Empty title="Nobody has signed in yet">
      {session?.providerSignInPath === undefined
        ? (
          <>
            People sign in with your company's OpenID Connect provider. Start the server with{" "}
            <code>--oidc-issuer</code> and <code>--oidc-client-id</code> to name it.
          </>
        )
        : "People appear here once they have signed in with the company's provider."}
    </Empty>
  );
}
