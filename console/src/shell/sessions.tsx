/** The browsers that are signed in as somebody. */
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client.ts";
import { pagedQuery } from "../api/queries.ts";
import { Badge } from "../parts/badge.tsx";
import { browserOf } from "../parts/browsers.ts";
import { Button } from "../parts/button.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { visibleText } from "../parts/format.ts";
import { PagedTable } from "../parts/list.tsx";
import { Empty } from "../parts/states.tsx";
import type { Column } from "../parts/table.tsx";
import { Name, timeColumn } from "../parts/values.tsx";

/** A browser that is signed in. */
type Session = Schemas["invoked.Session"];

interface SessionsProps {
  readonly queryKey: QueryKey;
  /** The session of this browser, if it is one of them. */
  readonly currentId: string | undefined;
  readonly read: (
    token: string,
    signal: AbortSignal,
  ) => Promise<{ readonly list: readonly Session[]; readonly nextPageToken: string }>;
  /** Undefined for who may not end them. */
  readonly onRevoke: ((id: string) => Promise<unknown>) | undefined;
}

export function Sessions({ queryKey, currentId, read, onRevoke }: SessionsProps) {
  const [revoked, setRevoked] = useState<Session>();
  const query = useInfiniteQuery(
    pagedQuery<Session>(queryKey, ({ page_token }, signal) => read(page_token, signal)),
  );
  const mayRevoke = onRevoke !== undefined;
  const columns = useMemo(
    () => [...COLUMNS, ...mayRevoke ? [actionColumn(currentId, setRevoked)] : []],
    [currentId, mayRevoke],
  );
  return (
    <>
      <PagedTable
        query={query}
        label="Sessions"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No sessions" />}
      />
      {revoked === undefined || onRevoke === undefined ? null : (
        <ConfirmDialog
          onClose={() => setRevoked(undefined)}
          title="Sign this browser out?"
          action="Sign out"
          onConfirm={() => onRevoke(revoked.id)}
          refresh={queryKey}
          done="Signed the browser out"
        >
          <p>
            The browser at {revoked.address} must sign in again before it can use the console.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

const METHODS: Readonly<Record<Session["method"], string>> = {
  SIGN_IN_METHOD_CLIENT_LINK: "Link",
  SIGN_IN_METHOD_PROVIDER: "Company account",
  SIGN_IN_METHOD_OWNER_LINK: "Owner link",
};

const COLUMNS: readonly Column<Session>[] = [
  {
    header: "Browser",
    // The whole User-Agent on hover.
    cell: ({ userAgent }) => (
      <bdi className="name" title={visibleText(userAgent)}>{browserOf(userAgent)}</bdi>
    ),
  },
  {
    header: "Address",
    width: "150px",
    minor: true,
    cell: ({ address }) => <Name value={address} />,
  },
  { header: "Signed in with", width: "130px", minor: true, cell: ({ method }) => METHODS[method] },
  timeColumn("Signed in", 110, ({ createdAt }) => createdAt),
  timeColumn("Ends", 110, ({ expiresAt }) => expiresAt),
];

function actionColumn(
  currentId: string | undefined,
  onRevoke: (session: Session) => void,
): Column<Session> {
  return {
    header: "Action",
    width: "110px",
    align: "end",
    cell: (session) =>
      session.id === currentId
        ? <Badge tone="accent">This browser</Badge>
        : <Button onClick={() => onRevoke(session)}>Sign out</Button>,
  };
}
