import { sdk } from "@c1/functions-sdk";

/** A check before an approval: whether a user is enabled, and in a department. */
export default async function main(input: { userId: string; department: string }) {
  const { userServiceGetResponse } = await sdk.user.get({ id: input.userId });
  const user = userServiceGetResponse?.userView?.user;
  if (!user) return { approved: false, reason: "the user does not exist" };
  const isEnabled = user.status === "ENABLED";
  return {
    approved: isEnabled && user.department === input.department,
    reason: `status ${user.status}, department ${user.department}`,
  };
}
