/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/terminal/terminal.h"
#include "src/commands.h"
#include "src/transport/connect.h"

#define PASSWORD_MAX ((size_t)64 * 1024)

struct options {
	struct connection_options connection;
	const char *username, *password;
	bool username_given, password_given;
	bool password_stdin, get_login, verbose;
};

static const struct cli_option table[] = {
    {0, "authfile", CLI_STRING, offsetof(struct options, connection.authfile), "FILE", "Keep the credentials in FILE",
     .complete = CLI_COMPLETE_FILE},
    {0, "cert-dir", CLI_STRING, offsetof(struct options, connection.certificate_directory), "DIRECTORY",
     "Take certificates (*.crt, *.cert and *.key) from DIRECTORY", .complete = CLI_COMPLETE_DIRECTORY},
    {0, "get-login", CLI_FLAG, offsetof(struct options, get_login), NULL,
     "Print the name of the user who is logged in"},
    {'p', "password", CLI_STRING, offsetof(struct options, password), "PASSWORD",
     "Password; others can see it in the list of processes", .given_offset = offsetof(struct options, password_given)},
    {0, "password-stdin", CLI_FLAG, offsetof(struct options, password_stdin), NULL,
     "Read the password from standard input"},
    {0, "tls-verify", CLI_FLAG, offsetof(struct options, connection.tls_verify), NULL,
     "Want TLS and a certificate that can be verified",
     .given_offset = offsetof(struct options, connection.tls_verify_given)},
    {'u', "username", CLI_STRING, offsetof(struct options, username), "NAME", "Name of the user",
     .given_offset = offsetof(struct options, username_given)},
    {'v', "verbose", CLI_FLAG, offsetof(struct options, verbose), NULL, "Print which file or helper keeps the credentials"},
    CLI_OPTIONS_END,
};

static void set_defaults(void *options)
{
	((struct options *)options)->connection.tls_verify = true;
}

/* ---- whom and what ---- */

static int read_password(char **ret, struct error *err)
{
	size_t length;
	int r = file_read_fd(STDIN_FILENO, "the password", PASSWORD_MAX, ret, &length, err);
	if (r < 0)
		return r;
	/* Its line end does not belong to it. */
	(*ret)[strcspn(*ret, "\r\n")] = '\0';
	return **ret ? 0 : error_set(err, EINVAL, "there is no password on standard input");
}

static int ask_for_username(const char *known, char **ret, struct error *err)
{
	auto_free char *prompt = known ? xasprintf("Username (%s): ", known) : xstrdup("Username: ");
	int r = terminal_ask(STDIN_FILENO, prompt, true, ret, err);
	if (r < 0 || **ret)
		return r;
	free(TAKE_PTR(*ret));
	if (!known)
		return error_set(err, EINVAL, "a name is needed to log in");
	*ret = xstrdup(known);
	return 0;
}

static int fill_in(const struct options *options, const char *known_username, struct credentials *ret,
		   struct error *err)
{
	int r = 0;
	bool complete = options->username && (options->password || options->password_stdin);
	if (!complete && !isatty(STDIN_FILENO))
		return error_set(err, EINVAL,
				 "there is no terminal to ask for name and password at; give them with --username and "
				 "--password-stdin");
	if (options->username)
		ret->username = xstrdup(options->username);
	else
		r = ask_for_username(known_username, &ret->username, err);
	if (r < 0)
		return r;
	if (options->password_stdin)
		return read_password(&ret->password, err);
	if (options->password) {
		ret->password = xstrdup(options->password);
		return 0;
	}
	return terminal_ask(STDIN_FILENO, "Password: ", false, &ret->password, err);
}

/* ---- logging in ---- */

static int check(const struct options *options, const struct registries *registries, const char *name,
		 const struct credentials *credentials, struct error *err)
{
	auto_registry struct registry *registry = NULL;
	auto_free char *host = xstrndup(name, strcspn(name, "/"));
	int r = connect_registry(&options->connection, registries, host, name, credentials, &registry, err);
	return r < 0 ? r : registry_check(registry, err);
}

static int log_in(const struct options *options, const struct registries *registries, const char *name,
		  const char *known_username, struct error *err)
{
	auto_credentials struct credentials credentials = {0};
	int r = fill_in(options, known_username, &credentials, err);
	if (r == 0)
		r = check(options, registries, name, &credentials, err);
	if (r < 0)
		return r;
	const struct auth_places places = connect_auth_places(options->connection.authfile, registries);
	auto_free char *place = NULL;
	if ((r = auth_store(&places, name, &credentials, &place, err)) < 0)
		return r;
	if (options->verbose)
		printf("Used: %s\n", place);
	puts("Login Succeeded!");
	return 0;
}

static int show_login(const struct credentials *known, const char *name, struct error *err)
{
	if (!known->username && !known->identity_token)
		return error_set(err, ENOENT, "not logged into %s", name);
	puts(known->username ? known->username : "<token>");
	return 0;
}

static int check_options(const struct options *options, struct error *err)
{
	if (options->password_stdin && options->password_given)
		return error_set(err, EINVAL, "--password and --password-stdin contradict each other");
	if ((options->password_stdin || options->password_given) && !options->username_given)
		return error_set(err, EINVAL, "a password is of use only with --username");
	if (options->username_given && !*options->username)
		return error_set(err, EINVAL, "the name given with --username is empty");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_registries struct registries *registries = NULL;
	auto_free char *name = NULL;
	auto_credentials struct credentials known = {0};
	int r = check_options(options, err);
	if (r < 0 || (r = registries_read(NULL, &registries, err)) < 0 ||
	    (r = connect_named(context, registries, &name, err)) < 0)
		return r;
	const struct auth_places places = connect_auth_places(options->connection.authfile, registries);
	r = auth_find(&places, name, &known, err);
	if (r == -ENOENT && !options->get_login) /* the file is yet to be made */
		error_clear(err);
	else if (r < 0)
		return r;
	if (options->get_login)
		return show_login(&known, name, err);
	if (r > 0 && !options->username_given) {
		printf("Authenticating with existing credentials for %s\n", name);
		r = check(options, registries, name, &known, err);
		if (r == 0)
			printf("Existing credentials are valid. Already logged in to %s\n", name);
		if (r != -EACCES)
			return r;
		puts("Existing credentials are invalid, please enter valid username and password");
		fflush(stdout);
		error_clear(err);
	}
	return log_in(options, registries, name, known.username, err);
}

const struct cli_command cmd_login = {
    .name = "login",
    .summary = "Log in to a registry",
    .usage = "[OPTIONS] [REGISTRY]",
    .description = "Asks for a name and a password where they are not given, tries them, and keeps them for all "
		   "commands that use the registry, also those of podman, skopeo and "
		   "buildah (containers-auth.json(5)). A credential helper that such a file or docker's names for the "
		   "registry is given them instead, and so is the first of the credential-helpers in registries.conf. REGISTRY is HOST[:PORT], and can have a path "
		   "behind it, below which alone the credentials are for; without it the first of "
		   "unqualified-search-registries is meant, or docker.io.\n\n"
		   "The file is the one that --authfile or the variable REGISTRY_AUTH_FILE names, or else "
		   "containers/auth.json in the user's configuration (or in the session's directory, when that "
		   "has an entry for the registry).",
    .examples = "coracle login registry.example.com:5000\npass show registry | coracle login -u alice --password-stdin "
		"registry.example.com",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = set_defaults,
    .max_arguments = 1,
    .run = run,
};
