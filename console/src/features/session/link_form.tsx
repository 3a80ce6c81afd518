import { useMutation, useQuery } from "@tanstack/react-query";
import { sessionQuery, signIn } from "../../api/session.ts";
import { Button } from "../../parts/button.tsx";
import { Name } from "../../parts/values.tsx";

interface LinkFormProps {
  readonly code: string;
  readonly onSignedIn: () => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * Redeems the code of a link once the reader says so: any page can lead a browser to a link, and must not sign it in
 * to a session of its choice unnoticed.
 */
export function LinkForm({ code, onSignedIn, onFault }: LinkFormProps) {
  const { data: session } = useQuery(sessionQuery);
  const redeem = useMutation({
    mutationFn: () => signIn(code),
    onSuccess: onSignedIn,
    onError: onFault,
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
