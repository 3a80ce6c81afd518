import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { readStored } from "../../browser/stored.ts";
import { onAnnounced } from "../../browser/tabs.ts";
import { Button } from "../../parts/button.tsx";
import { Page } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { Name } from "../../parts/values.tsx";
import { rightsQuery } from "../../shell/rights.ts";
import { openSession, sessionQuery, signIn } from "../../shell/session.ts";
import { SignInForm } from "../../shell/sign_in_form.tsx";

interface LinkFormProps {
  readonly code: string;
  readonly onSignedIn: () => void;
  readonly onViolation: (error: unknown) => void;
}

export function SignInPage() {
  const { to } = useSearch({ from: "/sign-in" });
  const code = /(?:^|[#&])code=([^&]+)/.exec(useLocation().hash)?.[1];
  const [failure, setFailure] = useState<unknown>();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { mutate: goOn, error } = useMutation({
    mutationFn: async () => {
      // The cached data may be of another session.
      queries.clear();
      await openSession(queries);
      const rights = await queries.fetchQuery(rightsQuery);
      const mayRun =
        rights?.permissions.has("c1.api.functions.v1.FunctionsService.Invoke") === true;
      const landing = readStored("welcomed") === true || !mayRun ? "/" : "/welcome";
      await navigate({ to: to ?? landing, replace: true });
    },
  });
  // Another tab that signs in signs this one in, too. A link is for the reader to decide.
  useEffect(() =>
    code === undefined ? onAnnounced(({ id }) => void (id === "" || goOn())) : undefined
  );
  const fail = (error: unknown) => {
    setFailure(error);
    // The code is used or wrong, and must not stay in the address.
    void navigate({ to: "/sign-in", search: (search) => search, hash: "", replace: true });
  };
  return (
    <main className="lone">
      <p className="wordmark">invoked</p>
      <Page title="Sign in">
        {error === null ? null : <ErrorNote error={error} onRetry={() => goOn()} />}
        {failure === undefined ? null : <ErrorNote error={failure} />}
        {code === undefined
          ? <SignInForm returnTo={to ?? "/"} onSignedIn={() => goOn()} />
          : <LinkForm code={code} onSignedIn={() => goOn()} onViolation={fail} />}
      </Page>
    </main>
  );
}

/**
 * Redeems the code of a link once the reader says so: any page can lead a browser to a link, and must not sign it in
 * to a session of its choice unnoticed.
 */
function LinkForm({ code, onSignedIn, onViolation }: LinkFormProps) {
  const { data: session } = useQuery(sessionQuery);
  const redeem = useMutation({
    mutationFn: () => signIn(code),
    onSuccess: onSignedIn,
    onError: onViolation,
  });
  const principal = session?.principal;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        redeem.mutate();
      }}
    >
      <p>This link signs this browser in, once. Use it only if you asked for it.</p>
      {principal === undefined ? null : (
        <p>
          This browser is signed in as{" "}
          <Name value={principal.displayName ?? principal.id ?? ""} />. The link ends that session.
        </p>
      )}
      <div className="actions">
        <Button type="submit" look="primary" busy={redeem.isPending} autoFocus>Sign in</Button>
        {principal === undefined ? null : <a href="/">Stay signed in</a>}
      </div>
    </form>
  );
}
