import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { sessionQuery } from "../../api/session.ts";
import { ErrorNote } from "../../parts/states.tsx";
import { Page } from "../../parts/page.tsx";
import { SignInForm } from "../../shell/sign_in_form.tsx";

export function SignInPage() {
  const { to, error } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const go = async () => {
    await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
    await navigate({ to: to ?? "/", replace: true });
  };
  return (
    <main className="lone">
      <p className="wordmark">invoked</p>
      <Page title="Sign in">
        {error === undefined ? null : <ErrorNote error={error} />}
        <SignInForm onSignedIn={() => void go()} />
      </Page>
    </main>
  );
}
