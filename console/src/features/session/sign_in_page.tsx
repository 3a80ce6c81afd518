import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { sessionQuery } from "../../api/session.ts";
import { readStored } from "../../browser/stored.ts";
import { Page } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { SignInForm } from "../../shell/sign_in_form.tsx";
import { LinkForm } from "./link_form.tsx";

export function SignInPage() {
  const { to } = useSearch({ from: "/sign-in" });
  const code = /(?:^|[#&])code=([^&]+)/.exec(useLocation().hash)?.[1];
  const [fault, setFault] = useState<unknown>();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const goOn = async () => {
    // What the page knows may be of another session.
    queries.clear();
    await queries.fetchQuery(sessionQuery);
    const landing = readStored("welcomed") === true ? "/" : "/welcome";
    await navigate({ to: to ?? landing, replace: true });
  };
  const fail = (error: unknown) => {
    setFault(error);
    // The code is used or wrong, and must not stay in the address.
    void navigate({ to: "/sign-in", search: (search) => search, hash: "", replace: true });
  };
  return (
    <main className="lone">
      <p className="wordmark">invoked</p>
      <Page title="Sign in">
        {fault === undefined ? null : <ErrorNote error={fault} />}
        {code === undefined
          ? <SignInForm onSignedIn={() => void goOn()} />
          : <LinkForm code={code} onSignedIn={() => void goOn()} onFault={fail} />}
      </Page>
    </main>
  );
}
