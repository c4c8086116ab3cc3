import { Unusable } from "../../core/errors.ts";
import type { VerifyRequest } from "../../core/types.ts";
import { tryLogin } from "./connect.ts";
import { explained, isRefusal, refusal } from "./failure.ts";
import { loginOf, type Material, type Target } from "./target.ts";

/** Logs in as the material would. Throws Unusable only on the server's own refusal. */
export const verify = async ({ target, material, signal }: VerifyRequest<Target, Material>): Promise<void> => {
  const login = loginOf(target, material.reveal());
  let isIn = false;
  const enter = () => {
    isIn = true;
  };
  try {
    await tryLogin(login, signal, enter, target.probe);
  } catch (error) {
    signal.throwIfAborted();
    throw !isIn && isRefusal(error) ? refusal(error, login) : explained(error, login);
  }
};

/** Whether it logs in now. Doubt is thrown. */
export const isAccepted = async (request: VerifyRequest<Target, Material>): Promise<boolean> => {
  try {
    await verify(request);
    return true;
  } catch (error) {
    if (error instanceof Unusable) return false;
    throw error;
  }
};
