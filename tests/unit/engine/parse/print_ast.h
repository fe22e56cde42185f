/* print_ast.h: an AST as one line of text, for comparison with tests/data/engine/parse. Everything that was written
 * shows;
 * names stand in brackets when they are not plain words. */
#ifndef PRINT_AST_H
#define PRINT_AST_H

#include "engine/parse/ast.h"

void print_statement(cql_buf *b, const cqle_statement *s);

void print_name(cql_buf *b, cql_slice name);
void print_qname(cql_buf *b, const cqle_qname *q);
void print_term(cql_buf *b, const cqle_term *t);
void print_selector(cql_buf *b, const cqle_selector *s);
void print_relations(cql_buf *b, const char *label, const cqle_relation *r, uint32_t count);

#endif
