"""Evidence: the ledger of a closed response as a file that anybody can check."""
