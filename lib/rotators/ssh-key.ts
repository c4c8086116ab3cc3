import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { FUNCTION_TAG, functionGrant } from "./shared/function-target.ts";
import { leakNames } from "./shared/leak.ts";
import { fingerprintOf } from "./ssh-key/fingerprint.ts";
import { Material, Target } from "./ssh-key/schema.ts";

export default defineRotator({
  kind: "ssh-key",
  title: "SSH key pair with which a workload logs in to a server, put in force and ended by a function of yours",
  notes: [
    "Keys are made by the rotate function: Ed25519, or what rekey:keyType says. The private key (OpenSSH's format, no passphrase) is stored in the secret only. The function gets the public one.",
    `The function carries tag ${FUNCTION_TAG}=true and is asked two verbs, in the protocol of kind \`lambda\`: \`install\` puts next.publicKey into the login's authorized_keys beside what is there, \`revoke\` takes out that line and no other. A restore asks \`install\` again.`,
    "A key that is taken out ends no session: sshd asks for keys at login only. The function has to end them too, after it took the key out, and answer how many (`sessionsEnded`). sshd logs at LogLevel VERBOSE or above which process let in which key. A function that answers no number has ended none, as far as Rekey can tell.",
    "Every version is tried by a login over the network, which opens no shell. Only sshd's refusal of this very key is a death; a server that closes early, offers no public keys, or wants a second factor is doubt.",
    "The server has to show a host key whose SHA-256 fingerprint is in tag rekey:hostKey (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`). Nothing is trusted on first use. Name two, with a space between, while a host key is replaced.",
    "sshd refuses a login that it denies (DenyUsers, a locked account without PAM) in the same words as a key that it does not know: then every key of that login is refused, and comes back with the login.",
    "A key that opens several servers is tried at one of them. The function must not answer before it is done at all of them.",
    "A refused trial counts as a failed login. Since OpenSSH 9.8 a source address with several of them is shut out for a while, and a ban by fail2ban or the like does the same: put the rotate function's addresses into PerSourcePenaltyExemptList.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "as the function does; sshd ends none by itself",
    window: "none",
    testedAgainst: "OpenSSH 9.2",
  },
  strategies: ["overlap"],
  restores: true,
  pureIssue: true,
  strategy: () => "overlap",
  identity: ({ host, port, username }) => `ssh:${host.toLowerCase()}:${port}/${username}`,
  grants: [functionGrant],
  example: {
    tags: {
      function: "acme-authorized-keys",
      host: "bastion.internal",
      username: "deploy",
      hostKey: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    },
    material: {
      privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nZXhhbXBsZS1vbmx5\n-----END OPENSSH PRIVATE KEY-----\n",
      publicKey: "ssh-ed25519 ZXhhbXBsZS1vbmx5 rekey",
      host: "bastion.internal",
      port: "22",
      username: "deploy",
    },
  },
  identifiers: (_target, { publicKey, privateKey }) => [
    `ssh-key:${fingerprintOf(publicKey)}`,
    ...leakNames(privateKey),
  ],
  connect: (deps) => lazily(["restore"], async () => (await import("./ssh-key/verbs.ts")).connect(deps)),
});
