"""The doors to the outside: each module speaks to one engine and maps its errors to ours."""
