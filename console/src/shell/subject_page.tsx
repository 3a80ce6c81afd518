/** The pages of single subjects, such as a function: also in place of one that does not exist. */
import type { QueryKey } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ComponentProps, type ReactNode, useState } from "react";
import { ApiError } from "../api/client.ts";
import { DeleteDialog, typeableName } from "../parts/dialog.tsx";
import { visibleText } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Loaded } from "../parts/states.tsx";
import { Name } from "../parts/values.tsx";
import { useStillHere } from "./list_position.tsx";

/**
 * Whether the API says that what a page shows does not exist. The answer holds until there is another one: a query without
 * data forgets its error while it is read again.
 */
function useMissing(
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
export function MissingPage({ title = "Not found", children, link }: {
  readonly title?: string;
  readonly children: ReactNode;
  readonly link?: ReactNode;
}) {
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

interface Subject {
  /** What it is, such as "Service principal". */
  readonly noun: string;
  readonly nouns?: string;
  readonly id: string;
  /** Why there may be none with the id. */
  readonly why: string;
  /** The page with all of them. */
  readonly list:
    | "/functions"
    | "/invocations"
    | "/volumes"
    | "/access/people"
    | "/access/principals";
}

interface SubjectPageProps<T> extends Subject, Pick<ComponentProps<typeof Page>, "wide" | "above"> {
  readonly query: ComponentProps<typeof Loaded<T>>["query"];
  /** In place of the subject's name. */
  readonly title?: string;
  /** In place of the subject's name as the heading. */
  readonly headingOf?: (subject: T) => ReactNode;
  readonly actionsOf: (subject: T) => ReactNode;
  readonly children: (subject: T) => ReactNode;
}

/** A page for what a query reads by an id. */
export function SubjectPage<T extends { readonly displayName?: string }>(
  { query, title, headingOf, actionsOf, wide = false, above, children, ...subject }:
    SubjectPageProps<T>,
) {
  const { data } = query;
  const isMissing = useMissing(query, subject.id);
  if (isMissing) return <MissingSubject {...subject} />;
  const name = data?.displayName ?? subject.noun;
  return (
    <Page
      title={title ?? name}
      wide={wide}
      above={above}
      heading={data === undefined || headingOf === undefined
        ? <Name value={name} />
        : headingOf(data)}
      actions={data === undefined ? null : actionsOf(data)}
    >
      <Loaded query={query}>{children}</Loaded>
    </Page>
  );
}

/** Replaces the page of an id that the API does not know. */
function MissingSubject({ noun, nouns = `${noun.toLowerCase()}s`, id, why, list }: Subject) {
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

/** Asks before the subject of a page is deleted, which then leads to the others. */
export function DeleteSubject({ subject: { id, displayName }, list, onDelete, ...dialog }: {
  readonly what: string;
  readonly subject: { readonly id: string; readonly displayName: string };
  readonly list: Subject["list"];
  readonly children: ReactNode;
  readonly onDelete: (path: { readonly id: string }) => Promise<unknown>;
  readonly refresh: QueryKey;
  readonly onClose: () => void;
}) {
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const remove = async () => {
    const isHere = whileHere();
    await onDelete({ id });
    if (isHere()) await navigate({ to: list });
  };
  return <DeleteDialog {...dialog} typed={typeableName(displayName, id)} onConfirm={remove} />;
}
