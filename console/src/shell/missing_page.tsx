import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api/client.ts";
import { visibleText } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";

/**
 * Whether the API says that what a page shows does not exist. The answer holds until there is another one: a query without
 * data forgets its error while it is read again.
 */
export function useMissing(
  { data, error }: { readonly data: unknown; readonly error: unknown },
  id: string,
): boolean {
  const [missingId, setMissingId] = useState<string>();
  const isPending = data === undefined && error === null;
  const isMissing = isPending ? missingId === id : data === undefined && isNotFound(error);
  if (isMissing !== (missingId === id)) setMissingId(isMissing ? id : undefined);
  return isMissing;
}

function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Replaces a page that does not exist: says what is missing, and leads to pages that do. */
export function MissingPage(
  { title = "Not found", children, link }: {
    readonly title?: string;
    readonly children: ReactNode;
    readonly link?: ReactNode;
  },
) {
  return (
    <Page title={title}>
      <div className="stack missing">{children}</div>
      <div className="row">
        {link}
        <Link to="/" className="button">Overview</Link>
      </div>
    </Page>
  );
}

/** Replaces the page of an id that the API does not know. */
export function MissingSubject({ noun, nouns = `${noun.toLowerCase()}s`, id, why, list }: {
  readonly noun: string;
  readonly nouns?: string;
  readonly id: string;
  readonly why: string;
  /** The page with all of them. */
  readonly list:
    | "/functions"
    | "/invocations"
    | "/volumes"
    | "/access/people"
    | "/access/principals";
}) {
  return (
    <MissingPage
      title={`${noun} not found`}
      link={<Link to={list} className="button button-primary">All {nouns}</Link>}
    >
      <p>
        There is no {noun.toLowerCase()} with the id{" "}
        <code className="missing-what">{visibleText(id)}</code>.
      </p>
      <p className="muted">{why}</p>
    </MissingPage>
  );
}
