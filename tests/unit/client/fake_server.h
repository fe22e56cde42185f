/* fake_server.h: a node of a cluster, played by a thread per connection over the protocol room's other side. It behaves
 * like Cassandra until a rule says otherwise. All functions may be called from any thread.
 *
 *   fake_server *s = fake_server_start(&(fake_config){.version_max = CQL_VERSION_5, .has_lz4 = true});
 *   fake_server_rule(s, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "slow", .act = FAKE_LATE, .ms = 50});
 *   … connect to 127.0.0.1, fake_server_port(s) …
 *   fake_server_stop(s);
 *
 * What it answers by itself: OPTIONS, STARTUP, AUTH_RESPONSE and REGISTER as their names say; USE, when it knows the
 * keyspace; any other QUERY with one row of one column that holds its text, so that a test sees which request an answer
 * belongs to; PREPARE with an id that is the text; EXECUTE with a row that holds the id; BATCH with void.
 */
#ifndef TEST_FAKE_SERVER_H
#define TEST_FAKE_SERVER_H

#include "protocol/protocol.h"

typedef struct fake_server fake_server;

/* Puts the answer to m, one envelope, into out and returns true; false: the server answers by itself. Called on the
 * threads of connections, several at once. */
typedef bool fake_answer(void *user, uint8_t version, const cql_message *m, cql_buf *out);

/* All pointers are borrowed until fake_server_stop(). */
typedef struct fake_config {
  const char *address;         /* NULL: 127.0.0.1 */
  uint16_t port;               /* 0: any that is free */
  uint8_t version_max;         /* 0: 5 */
  const char *versions;        /* PROTOCOL_VERSIONS, separated by spaces; NULL: "3/v3 4/v4 5/v5 6/v6-beta" up to that */
  bool has_lz4;                /* offers it */
  bool packs_all;              /* version 4: even the answer to STARTUP is compressed */
  const char *user, *password; /* wants a log-in; NULL: none */
  const char *authenticator;   /* NULL: Cassandra's PasswordAuthenticator; DataStax's asks for the mechanism first */
  const char *keyspace;        /* that exists */
  const cql_pair *supported;   /* more of SUPPORTED */
  uint32_t supported_count;
  const char *cert, *key; /* PEM: TLS */
  const char *client_ca;  /* PEM: wants a certificate of the client */
  int tls_version;        /* TLS1_2_VERSION: that one; 0: the best */
  bool closes_at_once;    /* a connection, when it has come */
  fake_answer *answer;
  void *user_of_answer;
} fake_config;

typedef enum fake_act {
  FAKE_ANSWER, /* as if there were no rule; for `skip` and counting */
  FAKE_SILENT, /* never */
  FAKE_LATE,   /* after ms; other requests are answered meanwhile */
  FAKE_HOLD,   /* behind the next answer that is sent: out of order */
  FAKE_CLOSE,  /* closes instead */
  FAKE_RESET,  /* the same, with a reset */
  FAKE_CUT,    /* n bytes of the answer as it travels, then closes */
  FAKE_SLOW,   /* the answer in pieces of n bytes, 1 ms apart */
  FAKE_FLIP,   /* bit 0 of byte n of the answer as it travels is flipped */
  FAKE_LENGTH, /* the answer's header says that its body has n bytes; it has not */
  FAKE_STREAM, /* answers on stream n */
  FAKE_TWICE,  /* sends the answer two times */
  FAKE_RAW,    /* these bytes instead, as they are */
  FAKE_PUT,    /* this envelope instead */
  FAKE_ERROR   /* an ERROR */
} fake_act;

/* Copied; texts and bytes are borrowed until the server stops. Of several rules that match the newest counts. */
typedef struct fake_rule {
  int opcode;           /* of the request; FAKE_ANY */
  const char *text;     /* part of the text of a QUERY or PREPARE; NULL: any */
  uint32_t skip, times; /* so many requests that match go by first; then so many are treated (0: all) */
  fake_act act;
  uint32_t n, ms;
  cql_slice bytes;        /* FAKE_RAW, FAKE_PUT */
  cql_server_error error; /* FAKE_ERROR */
} fake_rule;

enum { FAKE_ANY = -1, FAKE_RULES_MAX = 32 };

fake_server *fake_server_start(const fake_config *config);
void fake_server_stop(fake_server *s); /* closes all, joins all threads, frees */
uint16_t fake_server_port(const fake_server *s);

void fake_server_rule(fake_server *s, const fake_rule *rule);
void fake_server_clear_rules(fake_server *s);

/* Like a process that is stopped by a signal: nothing is read or answered until it goes on. */
void fake_server_pause(fake_server *s, bool is_paused);
void fake_server_drop(fake_server *s);       /* closes the connections that there are */
void fake_server_close_port(fake_server *s); /* no connection is taken any more; those that there are go on */
/* Sends an envelope (an event) on every connection that has registered; on its own stream. */
void fake_server_push(fake_server *s, cql_slice envelope);

/* What it has seen. */
uint32_t fake_server_accepted(fake_server *s);
uint32_t fake_server_open(fake_server *s);
uint32_t fake_server_requests(fake_server *s, int opcode); /* FAKE_ANY: all */
uint32_t fake_server_handled(fake_server *s);              /* requests that are done with, answered or not */
uint32_t fake_server_askers(fake_server *s, int opcode);   /* connections on which such a request has come */
uint32_t fake_server_resumed(fake_server *s);              /* TLS sessions */
/* A word of the last one: an option of STARTUP ("" when it was not there), SNI. out has room for 256 bytes. */
void fake_server_startup(fake_server *s, const char *option, char *out);
void fake_server_sni(fake_server *s, char *out);
/* The last AUTH_RESPONSE; NUL is printed as '/'. */
void fake_server_token(fake_server *s, char *out);

#endif
