import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call, type User } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import { ToggleDialog, toggleVerb } from "../../parts/dialog.tsx";
import { Properties, Section } from "../../parts/page.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { sessionQuery } from "../../shell/session.ts";
import { Sessions } from "../../shell/sessions.tsx";
import { DeleteSubject, SubjectPage } from "../../shell/subject_page.tsx";
import { personQuery } from "./queries.ts";
import { RolesForm } from "./roles_form.tsx";

export function PersonPage() {
  const { userId } = useParams({ from: "/shell/access/people/$userId" });
  return (
    <SubjectPage
      noun="Person"
      nouns="people"
      id={userId}
      why="They may have been deleted."
      list="/access/people"
      query={useQuery(personQuery(userId))}
      above={<Link to="/access/people">People</Link>}
      actionsOf={(person) => person.status === "DELETED" ? null : <Actions person={person} />}
    >
      {(person) => <Content key={person.id} person={person} />}
    </SubjectPage>
  );
}

interface PersonProps {
  readonly person: User;
}

function Actions({ person }: PersonProps) {
  const may = useMay();
  const [asked, setAsked] = useState<"disable" | "delete">();
  const close = () => setAsked(undefined);
  return (
    <>
      {may("invoked.UserService.Update") && (
        <Button onClick={() => setAsked("disable")}>
          {toggleVerb(person.status === "DISABLED")}
        </Button>
      )}
      {may("invoked.UserService.Delete") && (
        <Button
          look="danger"
          onClick={() => setAsked("delete")}
        >
          Delete
        </Button>
      )}
      {asked === "disable" && <DisableDialog person={person} onClose={close} />}
      {asked === "delete" && (
        <DeleteSubject
          what="person"
          subject={person}
          list="/access/people"
          onDelete={(path) => call("DELETE /api/v1/users/{id}", { path, body: {} })}
          refresh={keys.people}
          onClose={close}
        >
          <p>
            Their sessions, clients and roles are deleted. If the company's provider still lets them
            in, they can come back with the roles of their groups: disable them to keep them out.
          </p>
        </DeleteSubject>
      )}
    </>
  );
}

/** Shows a changed person. */
function useShow(): (answer: { readonly userView?: { readonly user?: unknown } }) => void {
  const queries = useQueryClient();
  return ({ userView }) => {
    const person = userView?.user as User;
    queries.setQueryData(keys.person(person.id), person);
    void queries.invalidateQueries({ queryKey: [...keys.people, "list"] });
    void queries.invalidateQueries({ queryKey: [...keys.person(person.id), "sessions"] });
  };
}

function DisableDialog({ person: { id, status }, onClose }: PersonProps & {
  readonly onClose: () => void;
}) {
  const show = useShow();
  const isDisabled = status === "DISABLED";
  const toggle = async (disabled: boolean) =>
    show(
      await call("PATCH /api/v1/users/{id}", {
        path: { id },
        body: { user: { disabled }, updateMask: "disabled" },
      }),
    );
  return (
    <ToggleDialog what="person" isDisabled={isDisabled} onToggle={toggle} onClose={onClose}>
      {isDisabled
        ? "They can sign in again, and their clients work again."
        : "Their sessions end for good. Their clients and access tokens stop working within seconds, until you enable them again."}
    </ToggleDialog>
  );
}

const STATUS = {
  ENABLED: <Badge tone="good">Enabled</Badge>,
  DISABLED: <Badge tone="warn">Disabled</Badge>,
  DELETED: <Badge tone="bad">Deleted</Badge>,
} as const;

function Content({ person }: PersonProps) {
  const { id, email, username, status, roleIds, assignedRoleIds, lastSignInAt, createdAt } = person;
  const may = useMay();
  const show = useShow();
  const setRoles = async (ids: readonly string[]) =>
    show(
      await call("POST /api/v1/users/{id}/roles", { path: { id }, body: { roleIds: [...ids] } }),
    );
  return (
    <>
      <Properties
        items={[
          ["Status", STATUS[status]],
          email === "" ? undefined : ["Email", <Name key="email" value={email} />],
          username === "" ? undefined : ["Username", <Name key="username" value={username} />],
          [
            "Id",
            <span key="id">
              <code>{id}</code>
              <CopyButton text={id} label="Copy the id" />
            </span>,
          ],
          ["Last sign-in", <Time key="seen" value={lastSignInAt} />],
          ["First sign-in", <Time key="created" value={createdAt} />],
        ]}
      />
      {status === "DELETED" ? null : (
        <Section title="Roles">
          <RolesForm
            label="What they may do"
            roleIds={assignedRoleIds}
            given={roleIds.filter((role) => !assignedRoleIds.includes(role))}
            maySet={may("invoked.UserService.SetRoles")}
            onSave={setRoles}
          />
        </Section>
      )}
      {may("invoked.UserService.ListSessions") && <PersonSessions person={person} />}
    </>
  );
}

function PersonSessions({ person: { id } }: PersonProps) {
  const { data: current } = useQuery(sessionQuery);
  const mayRevoke = useMay()("invoked.UserService.RevokeSession");
  return (
    <Section title="Sessions">
      <Sessions
        queryKey={[...keys.person(id), "sessions"]}
        currentId={current?.id}
        read={async (token, signal) =>
          await call("GET /api/v1/users/{user_id}/sessions", {
            path: { user_id: id },
            query: { page_token: token },
            signal,
          })}
        onRevoke={mayRevoke
          ? (session) =>
            call("DELETE /api/v1/users/{user_id}/sessions/{id}", {
              path: { user_id: id, id: session },
              body: {},
            })
          : undefined}
      />
    </Section>
  );
}
